import type { LiveStatus } from './types'

/** How long it takes until a figure has mostly followed a change, in milliseconds. */
const span = 3000

/**
 * Steadies picture rates: what a server counts within a second jumps by a frame or two, which says nothing. One for each room that
 * is followed. A rate of 0 is taken at once, since it means that the picture stopped.
 */
export class SteadyRates {
  #rates = new Map<string, { fps: number; at: number }>()

  /** Replaces the rates in a status that came at a time (milliseconds on any clock). */
  apply(status: LiveStatus, now: number): LiveStatus {
    if (!status.on) {
      this.#rates.clear()
      return status
    }
    const rates = new Map<string, { fps: number; at: number }>()
    const steady = (key: string, fps: number) => {
      const before = this.#rates.get(key)
      const share = before && before.fps > 0 && fps > 0 ? 1 - Math.exp((before.at - now) / span) : 1
      const rate = { fps: before ? before.fps + (fps - before.fps) * share : fps, at: now }
      rates.set(key, rate)
      return rate.fps
    }
    let shown: number | undefined
    const sources = (status.sources ?? []).map((source) => ({
      ...source,
      tracks: (source.tracks ?? []).map((track) => {
        if (track.kind !== 'video' || track.fps === undefined) return track
        const fps = steady(track.sid, track.fps)
        if (track.shown) shown = fps
        return { ...track, fps }
      }),
    }))
    this.#rates = rates
    return { ...status, sources, video: status.video && { ...status.video, fps: shown ?? status.video.fps } }
  }
}
