import { addSample } from './history'
import type { Sample } from './sample'
import { Sampler } from './sampler'
import type { StatsSource } from './source'

const everyMilliseconds = 1000
/** From so many tracks on reports are taken seldom while no figures are shown. */
const manyTracks = 25
const seldomMilliseconds = 10_000

/** What the panel shows: the recorder of a call or a room, or made-up figures. */
export interface StatsView {
  readonly samples: readonly Sample[]
  /** Figures are shown until the returned function is called. */
  watch(): () => void
}

/**
 * Keeps the last ten minutes of figures, so that they are there when somebody opens the panel: one report a second, whether or not
 * it is open. None in a hidden page, and few of a large room that nobody looks at, whose reports are costly. Owned by the call or the
 * stay in a room, which starts and stops it.
 */
export class StatsRecorder implements StatsView {
  samples = $state.raw<readonly Sample[]>([])

  #source: StatsSource
  #sampler = new Sampler()
  #timer: ReturnType<typeof setTimeout> | undefined
  #running = false
  #run = 0
  #watchers = 0

  constructor(source: StatsSource) {
    this.#source = source
  }

  start() {
    if (this.#running) return
    this.#running = true
    void this.#next(++this.#run)
  }

  stop() {
    this.#running = false
    this.#run++
    clearTimeout(this.#timer)
  }

  watch(): () => void {
    // Whoever begins to look waits for nothing.
    if (this.#watchers++ === 0 && this.#running) {
      clearTimeout(this.#timer)
      void this.#next(++this.#run)
    }
    return () => void this.#watchers--
  }

  get #pause(): number {
    const seldom = this.#watchers === 0 && (this.samples.at(-1)?.tracks.length ?? 0) >= manyTracks
    return seldom ? seldomMilliseconds : everyMilliseconds
  }

  async #next(run: number) {
    const began = performance.now()
    try {
      if (!document.hidden) await this.#sample(run)
    } catch {
      // A connection that has just been closed has no report; the next second may have one.
    }
    // The next one is asked for only when this one is there, so that a slow browser is not asked twice at once.
    if (run === this.#run) this.#timer = setTimeout(() => void this.#next(run), Math.max(0, this.#pause - (performance.now() - began)))
  }

  async #sample(run: number) {
    const reports = await this.#source.reports()
    if (run !== this.#run) return
    const describe = this.#source.describe?.bind(this.#source)
    this.samples = addSample(this.samples, this.#sampler.take(Date.now(), this.#source.path, reports, describe))
  }
}
