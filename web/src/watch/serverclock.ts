/**
 * The server's clock, from the Date headers of its answers. A header is cut down to whole seconds and was written before it arrived, so
 * each says the earliest that it can be there; the latest of these is the best estimate, and comes close after a few.
 */
export class ServerClock {
  #ahead: number | undefined

  /** Takes a Date header, and the Age header of an answer out of a cache, at a time of this computer in milliseconds. */
  heard(date: string | null, age: string | null, now: number) {
    const at = Date.parse(date ?? '')
    if (Number.isNaN(at)) return
    const ahead = at + (Number(age) || 0) * 1000 - now
    this.#ahead = Math.max(this.#ahead ?? ahead, ahead)
  }

  /** What time it is at the server, in milliseconds since 1970, or undefined before anything was heard. */
  at(now: number): number | undefined {
    return this.#ahead === undefined ? undefined : now + this.#ahead
  }
}
