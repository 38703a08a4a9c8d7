import type { Pipe } from '../call/pipe'
import { decode, encodeControl, type Chunk, type Control } from './wire'

/** The most messages of ours that may wait for a pipe. An honest peer never gives cause for as many. */
const maxWaiting = 1000

/** What is said over one pipe: messages in order, one at a time. It lives as long as the pipe serves. */
export class Link {
  readonly pipe: Pipe
  /** Whether the other side has said hello here. */
  heard = false
  #open = true
  #tail: Promise<void> = Promise.resolve()
  #waiting = 0
  #broken: () => void = () => {}

  constructor(pipe: Pipe) {
    this.pipe = pipe
  }

  /**
   * Begins to read; a pipe may have held messages until now and give them at once. `broken` is called when the pipe closes or
   * fails by itself.
   */
  listen(read: (message: Control | Chunk) => void, broken: () => void) {
    this.#broken = broken
    this.pipe.onclose = () => this.#break()
    this.pipe.onmessage = (bytes) => {
      const message = decode(bytes)
      if (message && this.#open) read(message)
    }
  }

  get open(): boolean {
    return this.#open
  }

  say(message: Control) {
    void this.send(encodeControl(message))
  }

  /** Resolves when the message was handed over and another may follow: true, or false when the pipe has gone. */
  send(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    if (!this.#open) return Promise.resolve(false)
    if (this.#waiting >= maxWaiting) {
      this.#break()
      return Promise.resolve(false)
    }
    this.#waiting++
    const sent = this.#tail.then(async () => {
      this.#waiting--
      if (!this.#open) return false
      try {
        await this.pipe.send(bytes)
      } catch {
        this.#break()
      }
      return this.#open
    })
    this.#tail = sent.then(() => {})
    return sent
  }

  /** Stops using the pipe, which is not ours to close. */
  release() {
    if (!this.#open) return
    this.#open = false
    this.pipe.onmessage = undefined
    this.pipe.onclose = undefined
  }

  #break() {
    if (!this.#open) return
    this.release()
    this.#broken()
  }
}
