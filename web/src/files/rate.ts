/** How fast something goes, over the last few seconds. Times are in milliseconds and given by the caller. */
export class Rate {
  #marks: { at: number; bytes: number }[] = []
  static readonly span = 5000

  /** Notes how many bytes there are by now. */
  note(at: number, bytes: number) {
    const last = this.#marks.at(-1)
    // After a pause, or a step back, the past says nothing.
    if (last && (bytes < last.bytes || at - last.at > Rate.span)) this.#marks = []
    this.#marks.push({ at, bytes })
    while (this.#marks.length > 2 && at - this.#marks[0]!.at > Rate.span) this.#marks.shift()
  }

  forget() {
    this.#marks = []
  }

  /** Bytes a second; 0 while that is not known. */
  get perSecond(): number {
    const [first, last] = [this.#marks[0], this.#marks.at(-1)]
    if (!first || !last || last.at - first.at < 200) return 0
    return ((last.bytes - first.bytes) * 1000) / (last.at - first.at)
  }
}
