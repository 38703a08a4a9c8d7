import type { RoomSummary } from '../api/types'
import type { Recording } from '../broadcast/api'
import { language } from '../i18n/index.svelte'
import type { WatchPhase, WatchView } from '../watch/watching.svelte'
import { DrawnPicture } from './pictures'
import { liveNow } from './rooms.svelte'

export function drawnSummary(): RoomSummary {
  return {
    room: 'demo', exists: true, title: language() === 'zh' ? '周五音乐夜' : 'Friday music night', access: 'open', publicWatch: true, scene: 'room',
    live: { on: false }, participants: 3, people: 3, viewers: 0,
  }
}

/** A made-up stay on the watch page. */
export function drawnWatching(phase: WatchPhase, change: Partial<WatchView> = {}, upright = false): WatchView {
  const live = ['waiting', 'returning', 'ended', 'loading', 'forbidden', 'expired', 'missing'].includes(phase) ? undefined : liveNow()
  return {
    room: 'demo', summary: phase === 'loading' ? undefined : drawnSummary(), phase, live, protocol: live ? 'whep' : undefined, chosen: undefined,
    possible: ['whep', 'flv', 'hls'], delay: phase === 'playing' ? { seconds: 0.2, of: 'buffer' } : undefined, history: undefined, quality: undefined, poster: '', soundBlocked: false, muted: false, paused: false,
    attach: (video) => {
      if (live && live.video) new DrawnPicture('person', 280, upright ? 720 : 1280, upright ? 1280 : 720).attach(video)
    },
    choose() {}, chooseQuality() {}, setMuted() {}, play() {}, goBack() {}, retry() {}, suspend() {}, resume() {}, stop() {},
    ...change,
  }
}

/** Recordings of a room: one in two files, one without a title, one that is not published. */
export function drawnPast(): Recording[] {
  const zh = language() === 'zh'
  const show = (id: string, title: string, day: number, minutes: number[], published = true): Recording => ({
    id, title, state: 'done', published, startedAt: new Date(Date.UTC(2026, 0, day, 12)).toISOString(), duration: minutes.reduce((sum, n) => sum + n * 60 + 7, 0), bytes: 0,
    play: `/x/${id}.m3u8`, files: minutes.map((n, i) => ({
      name: `${id}-${i}.mp4`, startedAt: new Date(Date.UTC(2026, 0, day, 12 + i)).toISOString(), duration: n * 60 + 7, bytes: n * 9_000_000, finished: true, url: `/x/${id}-${i}.mp4`,
    })),
  })
  return [
    show('a', zh ? '周五音乐夜' : 'Friday music night', 16, [58, 21]), show('b', '', 9, [3]), show('c', 'hidden', 8, [1], false),
    show('d', zh ? '一个非常非常长的标题，长到在手机上必须换行才能看完' : 'A very long title that has to go on in a second line on a phone to be read to its end', 2, [131]),
  ]
}
