/** Which lane a flying message takes, so that none runs into another. Pure: time, in milliseconds, is an argument. */
export class Lanes {
  #lanes: { clear: number; end: number }[] = []

  /**
   * Takes one of `count` lanes for a message of a length, which crosses a width in so many milliseconds. Gives the lane's number, or -1 when
   * all are full.
   */
  take(count: number, now: number, width: number, length: number, crossing: number): number {
    const speed = (width + length) / crossing
    for (let i = 0; i < count; i++) {
      const lane = (this.#lanes[i] ??= { clear: 0, end: 0 })
      // The one before has left the right edge, and this one, which may be faster, reaches the left one only after it is gone.
      if (now < lane.clear || now + width / speed < lane.end) continue
      lane.clear = now + (length + 24) / speed
      lane.end = now + crossing
      return i
    }
    return -1
  }
}
