import { DeskError, type Desk } from './desk'
import type { Link } from './link'
import type { FailReason, Transfer } from './transfer.svelte'
import { chunkHeader, encodeChunk, type Control, type WireReason } from './wire'

/** The most data of ours in one message, in bytes: small enough that other files and messages get between. */
const mostData = 64 * 1024
/** What is read of the file at once, in bytes. Two of these are in memory for each file that moves. */
const readPiece = 512 * 1024

type Of<T extends Control['type']> = Extract<Control, { type: T }>

/** The sender's side of one transfer: reads the file and sends it as far as the receiver allows. */
export class Outgoing {
  readonly transfer: Transfer
  #file: Blob
  #desk: Desk
  #link: Link | undefined
  /** Counts what interrupts sending; whoever sends stops when it has changed. */
  #run = 0
  /** The next byte to send, and the first one that was never sent. */
  #next = 0
  #furthest = 0
  /** The receiver takes bytes up to here. */
  #limit = 0
  #wake: () => void = () => {}
  #piece: { offset: number; data: Uint8Array<ArrayBuffer> } | undefined
  /** The only read that is under way: the hash wants them in order. */
  #reading: Promise<unknown> = Promise.resolve()
  #ahead: { offset: number; data: Promise<Uint8Array<ArrayBuffer>> } | undefined

  constructor(transfer: Transfer, file: Blob, desk: Desk) {
    this.transfer = transfer
    this.#file = file
    this.#desk = desk
  }

  /** Tells the receiver of the file, at first or again. Nothing is sent before they answer where to go on. */
  offer(link: Link) {
    this.pause()
    this.#link = link
    if (this.transfer.phase === 'waiting') this.transfer.phase = 'offered'
    const { id, name, size, mime } = this.transfer
    link.say({ type: 'offer', id, name, size, mime })
  }

  /** Stops sending until the next offer was answered. */
  pause() {
    this.#run++
    this.#link = undefined
    this.#wake()
  }

  /** What the receiver says. */
  read(message: Of<'accept' | 'credit' | 'done' | 'refuse' | 'cancel' | 'fail'>) {
    const { transfer } = this
    if (transfer.ended || transfer.phase === 'waiting') return
    switch (message.type) {
      case 'accept':
        if (message.offset > this.#furthest || message.limit > transfer.size) return this.fail('protocol')
        this.#next = message.offset
        this.#limit = message.limit
        transfer.moved = message.offset
        transfer.phase = 'moving'
        void this.#send(++this.#run)
        this.#wake()
        break
      case 'credit':
        // One that was on its way before the last accept changes nothing for the worse.
        if (message.offset > this.#furthest || message.limit > transfer.size) return this.fail('protocol')
        transfer.moved = Math.max(transfer.moved, message.offset)
        this.#limit = Math.max(this.#limit, message.limit)
        this.#wake()
        break
      case 'done':
        if (this.#furthest < transfer.size) return this.fail('protocol')
        transfer.moved = transfer.size
        this.#end('done')
        break
      case 'refuse':
        this.#end('refused')
        break
      case 'cancel':
        transfer.theirs = true
        this.#end('cancelled')
        break
      case 'fail':
        transfer.theirs = true
        transfer.reason = message.reason
        this.#end('failed')
        break
    }
  }

  cancel() {
    if (this.transfer.ended) return
    this.#link?.say({ type: 'cancel', id: this.transfer.id })
    this.#end('cancelled')
  }

  fail(reason: FailReason) {
    if (this.transfer.ended) return
    if (reason !== 'gone' && reason !== 'left') this.#link?.say({ type: 'fail', id: this.transfer.id, reason })
    this.transfer.reason = reason
    this.#end('failed')
  }

  #end(phase: 'done' | 'refused' | 'cancelled' | 'failed') {
    this.transfer.phase = phase
    this.pause()
    this.#piece = undefined
    this.#ahead = undefined
    void this.#desk.drop(this.transfer.id).catch(() => {})
  }

  async #send(run: number) {
    const { transfer } = this
    const link = this.#link
    if (!link) return
    const most = Math.min(mostData, link.pipe.maxMessage - chunkHeader)
    const stopped = () => run !== this.#run || transfer.ended
    try {
      while (this.#next < transfer.size) {
        if (this.#next >= this.#limit) {
          await new Promise<void>((resolve) => (this.#wake = resolve))
          if (stopped()) return
          continue
        }
        const piece = await this.#read(this.#next)
        if (stopped()) return
        const from = this.#next - piece.offset
        const length = Math.min(most, this.#limit - this.#next, piece.data.length - from)
        const message = encodeChunk(transfer.id, this.#next, piece.data.subarray(from, from + length))
        this.#next += length
        this.#furthest = Math.max(this.#furthest, this.#next)
        if (!(await link.send(message)) || stopped()) return
      }
      const sha256 = await this.#desk.digest(transfer.id)
      if (stopped()) return
      transfer.phase = 'verifying'
      link.say({ type: 'end', id: transfer.id, sha256 })
    } catch (error) {
      if (!stopped()) this.fail(error instanceof DeskError ? (error.reason as WireReason) : 'unreadable')
    }
  }

  /** The piece of the file with this byte in it; the next one is read meanwhile. */
  async #read(at: number) {
    const piece = this.#piece
    if (piece && at >= piece.offset && at < piece.offset + piece.data.length) return piece
    const ahead = this.#ahead?.offset === at ? this.#ahead : this.#start(at)
    this.#ahead = undefined
    const data = await ahead.data
    this.#piece = { offset: at, data }
    const next = at + data.length
    if (next < this.transfer.size) this.#ahead = this.#start(next)
    return this.#piece
  }

  #start(offset: number) {
    const length = Math.min(readPiece, this.transfer.size - offset)
    const data = this.#reading.then(() => this.#desk.read(this.transfer.id, this.#file, offset, length))
    this.#reading = data.catch(() => {})
    return { offset, data }
  }
}
