import type { Encoder, Ingest, Recording, RecordSettings, Source, Target } from '../broadcast/api'
import type { Delivery } from '../console/deliveries'
import type { Program } from '../show/program'
import { language } from '../i18n/index.svelte'

export type BroadcastWish = 'full' | 'empty' | 'off' | 'waiting'

/** Answers what the cards of a room's broadcast, and the console, ask with made-up things, in place of a server. Gives what puts it back. */
export function answerBroadcast(wish: BroadcastWish): () => void {
  const real = window.fetch
  const rest = (url: string) => /^\/api\/(?:rooms\/[^/]+|webhooks)\/(recordings|recording|push|pull|ingest|plays|deliveries|program)\b/.exec(url)?.[1]
  window.fetch = (input, init) => {
    const what = typeof input === 'string' ? rest(input) : undefined
    if (!what) return real(input, init)
    if (wish === 'waiting') return new Promise(() => {})
    if (wish === 'off') return Promise.resolve(Response.json({ error: { code: 'forbidden', message: '' } }, { status: 403 }))
    return Promise.resolve(Response.json(answers(wish === 'full')[what]))
  }
  return () => (window.fetch = real)
}

function answers(full: boolean): Record<string, unknown> {
  const zh = language() === 'zh'
  const at = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
  const recordings: Recording[] = [
    { id: 'now', title: zh ? '周五音乐夜' : 'Friday music night', state: 'recording', startedAt: at(12), duration: 754, bytes: 212 << 20, published: false, files: [] },
    {
      id: 'past', title: zh ? '上周音乐夜' : 'Last music night', state: 'done', startedAt: at(10_080), duration: 5_415, bytes: 1_500_000_000, published: true,
      upload: { state: 'retrying', bytes: 0, error: 'unreachable' }, play: '/r/past/index.m3u8',
      files: [
        { name: '1.mp4', startedAt: at(10_080), duration: 3_600, bytes: 1_000_000_000, width: 1280, height: 720, finished: true, url: '/r/past/1.mp4' },
        { name: '2.mp4', startedAt: at(10_020), duration: 1_815, bytes: 500_000_000, width: 1280, height: 720, finished: true, url: '/r/past/2.mp4' },
      ],
    },
    { id: 'short', title: '', state: 'failed', startedAt: at(20_160), duration: 31, bytes: 9_000_000, published: false, error: 'disk_full', files: [] },
  ]
  const targets: Target[] = [
    { id: 't1', name: zh ? 'B 站' : 'YouTube', address: 'rtmp://live-push.example/live', enabled: true, state: 'live', bytes: 212 << 20 },
    { id: 't2', name: '', address: 'srt://relay.example:9000', enabled: true, state: 'waiting', reason: 'refused', code: 'NetStream.Publish.BadName' },
  ]
  const sources: Source[] = [
    { id: 's1', name: zh ? '会场机位' : 'Hall camera', address: 'srt://hall.example:9000', mode: 'demand', backup: false, enabled: true, state: 'idle' },
  ]
  const encoders: Encoder[] = [
    { identity: 'ingest-1', name: 'OBS', protocol: 'rtmp', key: 'main', backup: false, state: 'shown', silent: 0 },
    { identity: 'ingest-2', name: 'OBS', protocol: 'srt', key: 'k2', backup: true, state: 'waits', silent: 0 },
  ]
  const main = { id: 'main', name: '', hint: '7f2', backup: false, allow: [] }
  const ingest: Ingest = {
    conflict: full ? 'standby' : 'together', absence: full ? 'slate' : 'hold', wait: 300, slate: full, allow: full ? ['203.0.113.0/24'] : [],
    keys: full ? [main, { id: 'k2', name: zh ? '备用机位' : 'Spare camera', hint: 'c9d', backup: true, allow: [], expiresAt: at(-43_200) }] : [main],
    encoders: full ? encoders : [],
    turnedAway: full ? [{ at: at(3), times: 4, protocol: 'rtmp', code: 'unauthorized', reason: 'the stream key is wrong' }] : [],
  }
  const delivery = (id: string, event: string, minutes: number, change: Partial<Delivery>): Delivery => ({
    id, event, room: 'friday', receiver: 'https://app.example/hook', at: at(minutes), attempts: 1, outcome: 'delivered',
    body: { event, id: `EV_${id}`, room: { name: 'friday', numParticipants: 4 } }, ...change,
  })
  const deliveries = [
    delivery('d4', 'participant_joined', 1, { outcome: 'pending', attempts: 2, reason: 'refused', code: '503' }),
    delivery('d3', 'room_live_started', 12, {}),
    delivery('d2', 'recording_started', 12, { outcome: 'failed', attempts: 9, reason: 'unreachable' }),
    delivery('d1', 'room_started', 14, {}),
  ]
  const settings: RecordSettings = { always: full, publish: false, keep: 0 }
  const plays = {
    now: [],
    over: full ? [{ protocol: 'flv', since: at(9), watched: 431, bytes: 98 << 20 }] : [],
    watched: full ? { flv: { plays: 20, seconds: 8_120, bytes: 1_900_000_000 }, whep: { plays: 96, seconds: 40_300, bytes: 9_000_000_000 } } : {},
  }
  return {
    recordings: { recordings: full ? recordings : [] }, recording: settings, push: { targets: full ? targets : [] }, pull: { sources: full ? sources : [] }, ingest, plays,
    deliveries: { deliveries: full ? deliveries : [] },
    program: { layout: 'auto', orientation: 'landscape', height: 720, composed: false, resolvedLayout: 'auto', layouts: [], renditions: full ? [480, 240] : [] } satisfies Program,
  }
}
