import { DeskError, type Desk } from './desk'
import type { Link } from './link'
import type { FailReason, Transfer } from './transfer.svelte'
import { wireReasons, type Chunk } from './wire'

/** How many bytes may be under way to a receiver, over the wire and to the disk, for one file. */
export const window = 4 << 20
/** The least of a way's window that each of many files gets, in bytes: two messages of the smallest pipe. */
export const leastShare = 32 << 10

/** The receiver's side of one transfer: says from where and how far the sender may send, keeps what comes, compares the hash. */
export class Incoming {
  readonly transfer: Transfer
  #desk: Desk
  #link: Link | undefined
  /** The place for the file is made. */
  #open = false
  /** The sender was told on this pipe where to go on. */
  #told = false
  #finishing = false
  /** The byte that comes next, those that are safely kept, and how far the sender may go. */
  #next = 0
  #kept = 0
  #limit = 0
  #share: (window: number) => number

  /** `share` gives this file's part of what may be under way on a pipe that has a window for all. */
  constructor(transfer: Transfer, desk: Desk, link: Link, share: (window: number) => number) {
    this.transfer = transfer
    this.#desk = desk
    this.#link = link
    this.#share = share
    transfer.phase = 'offered'
  }

  /** The sender tells of the file again, over a new way or because they lost track. */
  offeredAgain(link: Link, offer: { size: number }) {
    const { transfer } = this
    const { id } = transfer
    this.#link = link
    if (offer.size !== transfer.size && !transfer.ended) return this.fail('protocol')
    switch (transfer.phase) {
      case 'moving': return this.#goOn()
      case 'done': return link.say({ type: 'done', id })
      case 'refused': return link.say({ type: 'refuse', id })
      case 'cancelled': return link.say({ type: 'cancel', id })
      case 'failed': {
        const reason = wireReasons.find((known) => known === transfer.reason)
        return link.say(reason ? { type: 'fail', id, reason } : { type: 'cancel', id })
      }
    }
  }

  pause() {
    this.#link = undefined
    this.#told = false
  }

  async accept() {
    const { transfer } = this
    if (transfer.phase !== 'offered') return
    transfer.phase = 'moving'
    try {
      this.#next = this.#kept = await this.#desk.take(transfer.id, transfer.size)
    } catch (error) {
      return this.#failed(error)
    }
    if (transfer.phase !== 'moving') {
      void this.#desk.drop(transfer.id).catch(() => {})
      return
    }
    this.#open = true
    transfer.moved = this.#kept
    this.#goOn()
  }

  refuse() {
    if (this.transfer.phase !== 'offered') return
    this.#link?.say({ type: 'refuse', id: this.transfer.id })
    this.transfer.phase = 'refused'
  }

  cancel() {
    if (this.transfer.ended) return
    this.#link?.say({ type: 'cancel', id: this.transfer.id })
    this.#end('cancelled')
  }

  /** The sender has given up. */
  cancelled() {
    if (this.transfer.ended) return
    this.transfer.theirs = true
    this.#end('cancelled')
  }

  fail(reason: FailReason, theirs = false) {
    if (this.transfer.ended) return
    const { id } = this.transfer
    const known = wireReasons.find((one) => one === reason)
    if (known && !theirs) this.#link?.say({ type: 'fail', id, reason: known })
    this.transfer.theirs = theirs
    this.transfer.reason = reason
    this.#end('failed')
  }

  take(chunk: Chunk) {
    const { transfer } = this
    // What was under way when the connection broke, or the file was given up, is nobody's.
    if (transfer.phase !== 'moving' || !this.#told) return
    const end = chunk.offset + chunk.data.length
    if (chunk.offset > this.#next || end > this.#limit) return this.fail('protocol')
    if (end <= this.#next) return
    const data = chunk.data.subarray(this.#next - chunk.offset)
    this.#next = end
    const { length } = data
    this.#desk.write(transfer.id, data).then(
      () => this.#keep(length),
      (error: unknown) => this.#failed(error),
    )
  }

  /** The sender has sent all. */
  async end(sha256: string) {
    const { transfer } = this
    if (transfer.phase !== 'moving' || !this.#told || this.#finishing) return
    if (this.#next !== transfer.size) return this.fail('protocol')
    this.#finishing = true
    transfer.phase = 'verifying'
    let own: string
    try {
      own = await this.#desk.finish(transfer.id)
    } catch (error) {
      return this.#failed(error)
    }
    if (transfer.ended) return
    if (own !== sha256) return this.fail('mismatch')
    transfer.moved = transfer.size
    this.#link?.say({ type: 'done', id: transfer.id })
    transfer.phase = 'done'
  }

  #goOn() {
    if (!this.#link || !this.#open) return
    const { id, size } = this.transfer
    this.#told = true
    this.#limit = Math.min(size, this.#kept + this.#room())
    this.#link.say({ type: 'accept', id, offset: this.#next, limit: this.#limit })
  }

  #keep(length: number) {
    const { transfer } = this
    this.#kept += length
    transfer.moved = this.#kept
    if (transfer.phase !== 'moving' || !this.#told) return
    const room = this.#room()
    const limit = Math.max(this.#limit, Math.min(transfer.size, this.#kept + room))
    const creditEvery = room / 8
    if (limit - this.#limit < creditEvery && this.#kept % creditEvery >= length) return
    this.#limit = limit
    this.#link?.say({ type: 'credit', id: transfer.id, offset: this.#kept, limit })
  }

  /** How many bytes may be under way now. */
  #room(): number {
    const all = this.#link?.pipe.window
    return all === undefined ? window : Math.min(window, this.#share(all))
  }

  #failed(error: unknown) {
    if (this.transfer.ended) return
    const { reason, room } = error instanceof DeskError ? error : new DeskError('storage')
    this.transfer.room = room
    this.fail(reason)
  }

  #end(phase: 'cancelled' | 'failed') {
    this.transfer.phase = phase
    this.#open = false
    void this.#desk.drop(this.transfer.id).catch(() => {})
  }
}
