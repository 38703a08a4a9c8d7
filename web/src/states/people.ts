import type { ParticipantDetail, ParticipantLayer, ParticipantList, ParticipantSummary } from '../api/types'
import { addPerson, emptyPerson, type PersonHistory } from '../console/figures'
import { language } from '../i18n/index.svelte'

const started = Date.UTC(2026, 0, 1, 12, 0)
const at = (seconds: number) => new Date(started + seconds * 1000).toISOString()
const names = { en: ['Ada Lovelace', 'Grace', 'Linus T.', 'Hedy Lamarr', 'OBS'], zh: ['林晓雨', '王小明', '陈静', '赵一鸣', 'OBS'] }

function someone(i: number, change: Partial<ParticipantSummary>): ParticipantSummary {
  return {
    sid: `PA_${i}`, identity: `guest-${i}`, name: names[language()][i]!, kind: 'person', joinedAt: at(i * 40),
    client: { door: 'livekit', sdk: 'js', version: '2.23.0', browser: 'Chrome 156', os: 'Windows' }, health: 'good', path: 'udp', rtt: 0.024,
    in: { tracks: 2, bitrate: 1_840_000, loss: 0 }, out: { tracks: 6, bitrate: 2_410_000, loss: 0.002 }, freezes: 0, suspended: 0, limited: 0, ...change,
  }
}

/** Made-up people of a room: one of every kind of health. */
export function drawnPeople(): ParticipantList {
  return {
    participants: [
      someone(0, {}),
      someone(1, {
        health: 'poor', path: 'relay', rtt: 0.31, client: { door: 'livekit', sdk: 'swift', version: '2.9.0', os: 'iOS 19.1', device: 'iPhone17,2' },
        in: { tracks: 2, bitrate: 420_000, loss: 0.062 }, out: { tracks: 6, bitrate: 640_000, loss: 0.118 }, freezes: 7, suspended: 1, limited: 2,
      }),
      someone(2, { health: 'fair', path: 'tcp', rtt: 0.082, client: { door: 'livekit', sdk: 'js', version: '2.23.0', browser: 'Firefox 153', os: 'Linux' }, limited: 2 }),
      someone(4, { kind: 'ingest', client: { door: 'rtmp', sdk: 'OBS 31' }, path: undefined, rtt: undefined, out: { tracks: 0, bitrate: 0, loss: 0 } }),
      someone(3, { health: undefined, path: undefined, rtt: undefined, in: { tracks: 0, bitrate: 0, loss: 0 }, out: { tracks: 0, bitrate: 0, loss: 0 } }),
    ],
    departed: [someone(3, { sid: 'PA_9', identity: 'guest-9', health: undefined, leftAt: at(900), leftFor: 'timeout' })],
  }
}

const layer = (change: Partial<ParticipantLayer>): ParticipantLayer => ({
  codec: 'h264', fps: 30, bitrate: 420_000, active: true, loss: 0.061, jitter: 0.018, packets: 18_402, lost: 911, repaired: 822, nacks: 1204, plis: 14,
  keyframes: 17, freezes: 3, frozen: 1.9, ...change,
})

/** Somebody who fares badly, with everything that can be said of it; left tells that it is gone. */
export function drawnPerson(left = false): { detail: ParticipantDetail; history: PersonHistory } {
  const summary = drawnPeople().participants[1]!
  let history = emptyPerson
  for (let i = 0; i < 150; i++) {
    const dip = i > 90 && i < 125
    history = addPerson(history, started / 1000 + i * 2, {
      ...summary, rtt: 0.09 + (dip ? 0.21 : 0.02 * Math.sin(i / 7)),
      in: { tracks: 2, bitrate: (dip ? 420_000 : 1_700_000) + 60_000 * Math.sin(i / 3), loss: dip ? 0.06 : 0.002 },
      out: { tracks: 6, bitrate: (dip ? 640_000 : 2_300_000) + 90_000 * Math.cos(i / 4), loss: dip ? 0.118 : 0.004 },
    })
  }
  const flow = { nacks: 212, repaired: 190, plis: 4, packets: 9120 }
  return {
    history,
    detail: {
      ...summary, ...(left ? { leftAt: at(1380), leftFor: 'timeout', health: undefined } : {}),
      connections: [
        { name: 'publisher', connected: true, transport: 'udp', candidate: 'relay', remote: '198.51.100.7:61044', rtt: 0.31 },
        { name: 'subscriber', connected: true, transport: 'udp', candidate: 'relay', remote: '198.51.100.7:61044', rtt: 0.31, downlink: { estimate: 690_000, full: true, loss: 0.118 } },
      ],
      tracks: left ? [] : [
        { sid: 'TR_1', kind: 'audio', source: 'microphone', codec: 'opus', muted: true, layers: [layer({ codec: 'opus', fps: 0, bitrate: 2400, plis: 0, keyframes: 0, freezes: 0 })] },
        {
          sid: 'TR_2', kind: 'video', source: 'camera', codec: 'h264', muted: false, layers: [
            layer({ rid: 'q', width: 320, height: 180, bitrate: 140_000, freezes: 1, loss: 0.012 }),
            layer({ rid: 'h', width: 640, height: 360 }), layer({ rid: 'f', width: 1280, height: 720, active: false, bitrate: 0, fps: 0, loss: 0 }),
          ],
        },
      ],
      subscriptions: left ? [] : [
        { sid: 'TR_3', publisher: 'guest-0', kind: 'audio', source: 'microphone', codec: 'opus', state: 'active', bitrate: 32_000, loss: 0.02, ...flow, plis: 0 },
        { sid: 'TR_4', publisher: 'guest-0', kind: 'video', source: 'camera', codec: 'h264', state: 'limited', rid: 'q', width: 320, height: 180, bitrate: 150_000, loss: 0.118, ...flow },
        { sid: 'TR_5', publisher: 'guest-2', kind: 'video', source: 'screen_share', codec: 'vp9', state: 'active', width: 1280, height: 720, bitrate: 420_000, loss: 0.09, ...flow },
        { sid: 'TR_6', publisher: 'guest-2', kind: 'video', source: 'camera', codec: 'vp8', state: 'suspended', bitrate: 0, loss: 0, ...flow },
        { sid: 'TR_7', publisher: 'guest-4', kind: 'video', source: 'camera', codec: 'h264', state: 'paused', bitrate: 0, loss: 0, ...flow },
      ],
      timeline: [
        { at: at(40), what: 'joined', detail: 'livekit' },
        { at: at(40.4), what: 'connected', detail: 'subscriber udp srflx' },
        { at: at(41), what: 'published', track: 'TR_1', detail: 'microphone opus' },
        { at: at(41.2), what: 'published', track: 'TR_2', detail: 'camera h264' },
        { at: at(300), what: 'muted', track: 'TR_1' },
        { at: at(612), what: 'away', detail: 'broken' },
        { at: at(617), what: 'resumed' },
        { at: at(618), what: 'path', detail: 'subscriber udp relay' },
        { at: at(640), what: 'layer', track: 'TR_4', detail: '640x360 → 320x180' },
        { at: at(652), what: 'suspended', track: 'TR_6' },
        { at: at(655), what: 'quality', detail: 'poor 2.3' },
        ...(left ? [{ at: at(1380), what: 'left', detail: 'timeout' }] : []),
      ],
    },
  }
}
