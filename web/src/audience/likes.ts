import type { Clock } from './socket'

/** At most one message a second, whatever the thumb does. */
const every = 1000
/** What a server takes in one message. */
const most = 100

/** Adds up taps and hands them on at most once a second; the first goes at once. */
export class LikeCounter {
  #send: (count: number) => void
  #clock: Clock
  #pending = 0
  #running = false

  constructor(send: (count: number) => void, clock: Clock) {
    this.#send = send
    this.#clock = clock
  }

  tap() {
    this.#pending = Math.min(this.#pending + 1, most)
    if (!this.#running) this.#flush()
  }

  #flush() {
    this.#running = this.#pending > 0
    if (!this.#running) return
    const count = this.#pending
    this.#pending = 0
    this.#send(count)
    this.#clock.after(every, () => this.#flush())
  }
}
