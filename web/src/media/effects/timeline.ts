/**
 * One rising timeline for frames of several sources, each with a clock of its own: whoever sends a picture drops frames whose
 * timestamps do not rise. Timestamps in microseconds, `now` in milliseconds of any steady clock.
 */
export class Timeline {
  #offset: number | undefined
  #last = -1
  #lastAt = 0

  /** The next frames come from another source. */
  change() {
    if (this.#last >= 0) this.#offset = undefined
  }

  next(timestamp: number, now: number): number {
    if (this.#last < 0) this.#offset = 0
    this.#offset ??= Math.round(this.#last + Math.max(1, (now - this.#lastAt) * 1000) - timestamp)
    const out = Math.max(timestamp + this.#offset, this.#last + 1)
    this.#last = out
    this.#lastAt = now
    return out
  }
}
