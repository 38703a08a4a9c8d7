import { addSample } from './history'
import type { Sample } from './sample'
import { Sampler } from './sampler'
import type { StatsSource } from './source'

const everyMilliseconds = 1000

/** What the panel shows: the recorder of a call or a room, or made-up figures. */
export interface StatsView {
  readonly samples: readonly Sample[]
}

/**
 * Keeps the last ten minutes of figures, so that they are there when somebody opens the panel. One report a second,
 * whether or not the panel is open. Owned by the call or the stay in a room, which starts and stops it.
 */
export class StatsRecorder implements StatsView {
  samples = $state.raw<readonly Sample[]>([])

  #source: StatsSource
  #sampler = new Sampler()
  #timer: ReturnType<typeof setTimeout> | undefined
  #running = false
  #run = 0

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

  async #next(run: number) {
    const began = performance.now()
    try {
      const reports = await this.#source.reports()
      if (run !== this.#run) return
      const describe = this.#source.describe?.bind(this.#source)
      this.samples = addSample(this.samples, this.#sampler.take(Date.now(), this.#source.path, reports, describe))
    } catch {
      // A connection that has just been closed has no report; the next second may have one.
    }
    // The next one is asked for only when this one is there, so that a slow browser is not asked twice at once.
    if (run === this.#run) this.#timer = setTimeout(() => void this.#next(run), Math.max(0, everyMilliseconds - (performance.now() - began)))
  }
}
