import { sha256 } from '@noble/hashes/sha2.js'
import { hex } from './wire'

/** Why bytes could not be read or kept. */
export type DeskReason = 'unreadable' | 'no_space' | 'too_large' | 'storage'

export class DeskError extends Error {
  readonly reason: DeskReason
  /** How many bytes there would have been room for, where that is the reason. */
  readonly room: number | undefined
  constructor(reason: DeskReason, room?: number, options?: ErrorOptions) {
    super(reason, options)
    this.reason = reason
    this.room = room
  }
}

/**
 * Where the bytes of files are read, kept and hashed: in a worker, so that the page stays smooth. Calls for one file are made in
 * order; each id is one file on one side of one transfer.
 */
export interface Desk {
  /** Reads a piece of a file that is sent, and takes it into the file's hash if it is the first time. */
  read(id: string, file: Blob, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>
  /** SHA-256 of a file that was read to its end, in hexadecimal. */
  digest(id: string): Promise<string>
  /** Makes room for a file that comes in. Gives the bytes that are there already, from before a reload of the page. */
  take(id: string, size: number): Promise<number>
  /** Whether the beginning of a file is there from before a reload of the page. */
  begun(id: string): Promise<boolean>
  /** Appends to a file that comes in; the data is handed over. */
  write(id: string, data: Uint8Array<ArrayBuffer>): Promise<void>
  /** Ends a file that comes in and gives its SHA-256, in hexadecimal. */
  finish(id: string): Promise<string>
  /** A file that has come in and was finished. It lies on the disk where there is one for the page. */
  file(id: string): Promise<Blob>
  /** Forgets all about a file, also what came in of it. */
  drop(id: string): Promise<void>
  /** Ends the desk. What came in stays until the next start cleans up. */
  close(): void
}

/** A place for one file that comes in. */
export interface Sink {
  /** The bytes in it. */
  readonly length: number
  /** Reads what is there already, from a place before the end. */
  read(offset: number, length: number): Promise<Uint8Array>
  append(data: Uint8Array<ArrayBuffer>): Promise<void> | void
  /** Ends writing and gives the whole. */
  close(): Promise<Blob>
  /** Removes it. */
  drop(): Promise<void>
}

/** Where sinks come from. */
export interface Storage {
  /** Bytes that may still be kept, and why not more. */
  room(): Promise<{ bytes: number; reason: 'no_space' | 'too_large' }>
  has(id: string): Promise<boolean>
  open(id: string): Promise<Sink>
}

interface Outgoing {
  hash: ReturnType<typeof sha256.create>
  hashed: number
}

interface Incoming {
  sink: Sink
  size: number
  hash: ReturnType<typeof sha256.create>
  blob: Blob | undefined
}

const rehashPiece = 1 << 20

/** The desk itself, for whatever thread it is on. */
export class LocalDesk implements Desk {
  #storage: Storage
  #outgoing = new Map<string, Outgoing>()
  #incoming = new Map<string, Incoming>()

  constructor(storage: Storage) {
    this.#storage = storage
  }

  async read(id: string, file: Blob, offset: number, length: number) {
    let data: Uint8Array<ArrayBuffer>
    try {
      data = new Uint8Array(await file.slice(offset, offset + length).arrayBuffer())
    } catch (cause) {
      throw new DeskError('unreadable', undefined, { cause })
    }
    if (data.length !== length) throw new DeskError('unreadable')
    let out = this.#outgoing.get(id)
    if (!out) this.#outgoing.set(id, (out = { hash: sha256.create(), hashed: 0 }))
    const fresh = offset + length - out.hashed
    if (fresh > 0) {
      if (fresh > length) throw new DeskError('unreadable')
      out.hash.update(data.subarray(length - fresh))
      out.hashed = offset + length
    }
    return data
  }

  async digest(id: string) {
    const hash = this.#outgoing.get(id)?.hash ?? sha256.create()
    // The digest ends a hash; whoever asks again, after a broken connection, gets it again.
    return hex(hash.clone().digest())
  }

  begun(id: string) {
    return this.#storage.has(id)
  }

  async take(id: string, size: number) {
    const known = this.#incoming.get(id)
    if (known) return known.sink.length
    const { bytes, reason } = await this.#storage.room()
    let promised = 0
    for (const other of this.#incoming.values()) promised += other.size - other.sink.length
    const room = Math.max(0, bytes - promised)
    // What is there already counts as used: the check is then a little strict, which does no harm.
    if (size > room) throw new DeskError(reason, room)
    const sink = await kept(() => this.#storage.open(id))
    const hash = sha256.create()
    if (sink.length > size) {
      await sink.drop()
      throw new DeskError('storage')
    }
    for (let at = 0; at < sink.length; at += rehashPiece) {
      hash.update(await kept(() => sink.read(at, Math.min(rehashPiece, sink.length - at))))
    }
    this.#incoming.set(id, { sink, size, hash, blob: undefined })
    return sink.length
  }

  async write(id: string, data: Uint8Array<ArrayBuffer>) {
    const file = this.#known(id)
    file.hash.update(data)
    await kept(() => file.sink.append(data))
  }

  async finish(id: string) {
    const file = this.#known(id)
    const digest = hex(file.hash.clone().digest())
    file.blob = await kept(() => file.sink.close())
    return digest
  }

  async file(id: string) {
    const { blob } = this.#known(id)
    if (!blob) throw new DeskError('storage')
    return blob
  }

  async drop(id: string) {
    this.#outgoing.delete(id)
    const file = this.#incoming.get(id)
    this.#incoming.delete(id)
    await file?.sink.drop()
  }

  close() {
    this.#outgoing.clear()
    this.#incoming.clear()
  }

  #known(id: string): Incoming {
    const file = this.#incoming.get(id)
    if (!file) throw new DeskError('storage')
    return file
  }
}

/** Says why something could not be kept. */
async function kept<T>(work: () => Promise<T> | T): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const full = cause instanceof Error && cause.name === 'QuotaExceededError'
    throw new DeskError(full ? 'no_space' : 'storage', undefined, { cause })
  }
}
