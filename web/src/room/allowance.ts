/** How often somebody may: so many times at once, and again one each `every` milliseconds. Time is an argument. */
export class Allowance {
  #left: number
  #at = 0

  constructor(readonly most: number, readonly every: number) {
    this.#left = most
  }

  /** Takes one, if there is one left at a time in milliseconds. */
  take(now: number): boolean {
    this.#left = Math.min(this.most, this.#left + Math.max(0, now - this.#at) / this.every)
    this.#at = now
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}
