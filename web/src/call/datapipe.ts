import { Inbox } from './inbox'
import type { Pipe } from './pipe'

const maxMessage = 64 << 10
/** How much may lie in the channel's own queue before senders wait, and when they go on, in bytes. */
const high = 1 << 20
const low = 256 << 10

/** A pipe over a data channel; whoever owns the connection closes it. */
export class ChannelPipe implements Pipe {
  readonly peer: string
  readonly maxMessage = maxMessage
  onclose: Pipe['onclose']

  #inbox = new Inbox()
  #channel: RTCDataChannel
  #waiting: (() => void)[] = []
  #closed = false

  constructor(peer: string, channel: RTCDataChannel) {
    this.peer = peer
    this.#channel = channel
    channel.binaryType = 'arraybuffer'
    channel.bufferedAmountLowThreshold = low
    channel.onopen = channel.onbufferedamountlow = () => this.#wake()
    channel.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) this.#inbox.put(new Uint8Array(data))
    }
    channel.onclose = () => this.close()
  }

  get onmessage(): Pipe['onmessage'] {
    return this.#inbox.reader
  }

  set onmessage(reader: Pipe['onmessage']) {
    this.#inbox.reader = reader
  }

  async send(message: Uint8Array<ArrayBuffer>): Promise<void> {
    if (message.length > maxMessage) throw new RangeError(`a message of ${message.length} bytes is too large`)
    await this.#room()
    if (this.#closed) throw new Error('the pipe is closed')
    this.#channel.send(message)
    await this.#room()
  }

  /** Waits until the channel is open and has room. */
  async #room() {
    while (!this.#closed && (this.#channel.readyState === 'connecting' || this.#channel.bufferedAmount > high)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  #wake() {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  close() {
    if (this.#closed) return
    this.#closed = true
    this.#channel.close()
    this.#wake()
    this.onclose?.()
  }
}
