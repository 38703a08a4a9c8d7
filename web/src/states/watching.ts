import type { RoomSummary } from '../api/types'
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
    possible: ['whep', 'flv', 'hls'], delay: phase === 'playing' ? { seconds: 0.2, of: 'buffer' } : undefined, history: undefined, soundBlocked: false, muted: false,
    attach: (video) => {
      if (live && live.video) new DrawnPicture('person', 280, upright ? 720 : 1280, upright ? 1280 : 720).attach(video)
    },
    choose() {}, setMuted() {}, goBack() {}, retry() {}, suspend() {}, resume() {}, stop() {},
    ...change,
  }
}
