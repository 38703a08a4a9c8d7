import { Rate } from './rate'
import type { WireReason } from './wire'

/**
 * Where a transfer stands.
 * - `waiting`: a file to send that the other side does not know of yet: they cannot be reached, or have many offers already
 * - `offered`: the receiver is asked
 * - `moving`: bytes go over
 * - `verifying`: all bytes are there, the hashes are compared
 */
export type Phase = 'waiting' | 'offered' | 'moving' | 'verifying' | 'done' | 'refused' | 'cancelled' | 'failed'

/** Why a transfer failed: what the wire can say, or `gone` (the sender does not have the file any more) or `left` (the person has left). */
export type FailReason = WireReason | 'gone' | 'left'

/** One file on its way from one person to another, as the screen sees it. `Transfers` owns and changes it. */
export class Transfer {
  readonly id: string
  /** The other person's id in the call. */
  readonly peer: string
  /** The other person's name when the transfer began. */
  readonly who: string
  readonly direction: 'out' | 'in'
  /** For people to read; never a path. */
  readonly name: string
  /** In bytes. */
  readonly size: number
  readonly mime: string

  phase = $state<Phase>('waiting')
  /** Whether there is a way to the other person now. */
  connected = $state(true)
  /** Bytes that are with the receiver. */
  bytes = $state(0)
  /** Bytes a second over the last seconds; 0 when not known. */
  rate = $state(0)
  /** Why, when `phase` is `failed`. */
  reason = $state<FailReason>()
  /** Bytes for which there was room at the receiver, when they did not suffice. */
  room = $state<number>()
  /** Whether the failure was the other side's. */
  theirs = $state(false)
  /** Whether a received file was saved at least once. */
  saved = $state(false)

  /** The same as `bytes`, changed with every message; the screen follows a few times a second. */
  moved = 0
  readonly pace = new Rate()

  constructor(about: Pick<Transfer, 'id' | 'peer' | 'who' | 'direction' | 'name' | 'size' | 'mime'>) {
    this.id = about.id
    this.peer = about.peer
    this.who = about.who
    this.direction = about.direction
    this.name = about.name
    this.size = about.size
    this.mime = about.mime
  }

  get ended(): boolean {
    return this.phase === 'done' || this.phase === 'refused' || this.phase === 'cancelled' || this.phase === 'failed'
  }

  /** Waits for the connection to come back; it then goes on by itself. */
  get paused(): boolean {
    return !this.connected && (this.phase === 'moving' || this.phase === 'verifying')
  }

  /** From 0 to 1. */
  get part(): number {
    return this.size === 0 ? (this.phase === 'done' ? 1 : 0) : this.bytes / this.size
  }

  /** Seconds until all bytes are there, when that can be said. */
  get remaining(): number | undefined {
    return this.phase === 'moving' && this.connected && this.rate > 0 ? (this.size - this.bytes) / this.rate : undefined
  }

  /** Brings the screen up to date. `now` in milliseconds. */
  refresh(now: number) {
    if (this.phase === 'moving' && this.connected) this.pace.note(now, this.moved)
    else this.pace.forget()
    this.bytes = this.moved
    this.rate = this.pace.perSecond
  }
}
