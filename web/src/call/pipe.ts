/**
 * A reliable, ordered way for messages to one other person: a data channel on the direct path, the server's data messages
 * on the other. Whoever made it closes it; when the call changes its path, a new pipe to the same person takes its place.
 */
export interface Pipe {
  /** The other person's id in the call. */
  readonly peer: string
  /** The largest message that may be sent, in bytes; at least 14,000. */
  readonly maxMessage: number
  /**
   * How many bytes may be under way to this side, of all its pipes together: set where whatever else comes this way waits behind them.
   * The reader keeps to it.
   */
  readonly window?: number
  /** Resolves when the next message may be sent (backpressure); rejects when the pipe is closed. */
  send(message: Uint8Array<ArrayBuffer>): Promise<void>
  /** Set by the one who reads; the message is theirs. */
  onmessage: ((message: Uint8Array<ArrayBuffer>) => void) | undefined
  onclose: (() => void) | undefined
}
