import { Inbox } from './inbox'
import type { Pipe } from './pipe'

/** The topic of the data messages that pipes through the server consist of. */
export const pipeTopic = 'tutti.pipe'
const maxMessage = 14_000
/** How soon a pipe that broke while the room was connected gets a successor, in ms. */
const renewAfter = 1000
/** Chat comes in the same order as files: over 2 Mbit/s it waits for this at most 2 s. The server keeps 8 MiB for who reads slowly. */
const window = 512 << 10

type Publish = (peer: string, message: Uint8Array<ArrayBuffer>) => Promise<void>

/** The pipes to all others in a room, one to each, as data messages through the server. */
export class RoomPipes {
  list: RoomPipe[] = []
  #publish: Publish
  #renew: () => void

  /** `publish` resolves when the connection has room again. `renew` is called when a pipe broke that may be asked for anew. */
  constructor(publish: Publish, renew: () => void) {
    this.#publish = publish
    this.#renew = renew
  }

  /** The pipe to somebody, who is there. */
  to(peer: string): RoomPipe {
    const known = this.list.find((pipe) => pipe.peer === peer)
    if (known) return known
    const fresh: RoomPipe = new RoomPipe(peer, async (message) => {
      try {
        await this.#publish(peer, message)
      } catch (error) {
        // A message was lost, so the pipe has a gap: it ends, and another one takes its place.
        this.end(peer)
        setTimeout(this.#renew, renewAfter)
        throw error
      }
    })
    this.list = [...this.list, fresh]
    return fresh
  }

  /** Takes what somebody sent of the topic. */
  take(peer: string, message: Uint8Array<ArrayBuffer>) {
    this.to(peer).inbox.put(message)
  }

  /** Ends the pipe to somebody. */
  end(peer: string) {
    const pipe = this.list.find((one) => one.peer === peer)
    this.list = this.list.filter((one) => one !== pipe)
    pipe?.close()
  }

  close() {
    for (const pipe of this.list) pipe.close()
    this.list = []
  }
}

class RoomPipe implements Pipe {
  readonly maxMessage = maxMessage
  readonly window = window
  onclose: Pipe['onclose']
  readonly inbox = new Inbox()
  #closed = false

  constructor(readonly peer: string, private readonly publish: (message: Uint8Array<ArrayBuffer>) => Promise<void>) {}

  get onmessage(): Pipe['onmessage'] {
    return this.inbox.reader
  }

  set onmessage(reader: Pipe['onmessage']) {
    this.inbox.reader = reader
  }

  async send(message: Uint8Array<ArrayBuffer>): Promise<void> {
    if (message.length > maxMessage) throw new RangeError(`a message of ${message.length} bytes is too large`)
    if (this.#closed) throw new Error('the pipe is closed')
    await this.publish(message)
  }

  close() {
    if (this.#closed) return
    this.#closed = true
    this.onclose?.()
  }
}
