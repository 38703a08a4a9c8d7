// Where files that come in are kept until they are saved: the browser's own file system for this page (OPFS), or memory.
import type { Sink, Storage } from './desk'

/** The most that is kept in memory, in bytes, where the browser has no file system for the page. */
export const memoryLimit = 512 << 20

/** Writing in place, which only workers have (File System Standard, section 2.6); the page's own types leave it out. */
interface SyncAccess {
  getSize(): number
  read(buffer: Uint8Array, options: { at: number }): number
  write(buffer: Uint8Array, options: { at: number }): number
  flush(): void
  close(): void
}

/** What is left free on the disk for everything else of this page, in bytes. */
const spare = 16 << 20

/** Keeps files in memory, up to a limit for all together. */
export class MemoryStorage implements Storage {
  #limit: number
  #sinks = new Map<string, MemorySink>()

  constructor(limit = memoryLimit) {
    this.#limit = limit
  }

  async room() {
    let used = 0
    for (const sink of this.#sinks.values()) used += sink.length
    return { bytes: this.#limit - used, reason: 'too_large' as const }
  }

  async has() {
    return false
  }

  async open(id: string) {
    const sink = new MemorySink(() => this.#sinks.delete(id))
    this.#sinks.set(id, sink)
    return sink
  }
}

// Small pieces become one Blob now and then, which browsers may put out of memory.
const blobPieces = 64

class MemorySink implements Sink {
  length = 0
  #parts: BlobPart[] = []
  #gone: () => void

  constructor(gone: () => void) {
    this.#gone = gone
  }

  async read(offset: number, length: number) {
    return new Uint8Array(await new Blob(this.#parts).slice(offset, offset + length).arrayBuffer())
  }

  append(data: Uint8Array<ArrayBuffer>) {
    this.#parts.push(data)
    this.length += data.length
    if (this.#parts.length > blobPieces) this.#parts = [new Blob(this.#parts)]
  }

  async close() {
    return new Blob(this.#parts)
  }

  async drop() {
    this.#parts = []
    this.#gone()
  }
}

/** Keeps files in a directory of the page's own file system. Only in a worker may it write without closing. */
export class DirectoryStorage implements Storage {
  #directory: FileSystemDirectoryHandle

  constructor(directory: FileSystemDirectoryHandle) {
    this.#directory = directory
  }

  async room() {
    const { quota, usage = 0 } = await navigator.storage.estimate()
    return { bytes: quota === undefined ? Infinity : Math.max(0, quota - usage - spare), reason: 'no_space' as const }
  }

  async has(id: string) {
    try {
      return (await (await this.#directory.getFileHandle(id)).getFile()).size > 0
    } catch {
      return false
    }
  }

  async open(id: string): Promise<Sink> {
    const handle = await this.#directory.getFileHandle(id, { create: true })
    const drop = () => this.#directory.removeEntry(id).catch(() => {})
    const inPlace = handle as FileSystemFileHandle & { createSyncAccessHandle?(): Promise<SyncAccess> }
    if (inPlace.createSyncAccessHandle) return new SyncSink(handle, await inPlace.createSyncAccessHandle(), drop)
    return new StreamSink(handle, await handle.createWritable(), drop)
  }
}

class SyncSink implements Sink {
  length: number
  #handle: FileSystemFileHandle
  #access: SyncAccess
  #remove: () => Promise<void>

  constructor(handle: FileSystemFileHandle, access: SyncAccess, remove: () => Promise<void>) {
    this.#handle = handle
    this.#access = access
    this.#remove = remove
    this.length = access.getSize()
  }

  async read(offset: number, length: number) {
    const bytes = new Uint8Array(length)
    if (this.#access.read(bytes, { at: offset }) !== length) throw new Error('a file that came in has become shorter')
    return bytes
  }

  append(data: Uint8Array<ArrayBuffer>) {
    const written = this.#access.write(data, { at: this.length })
    if (written !== data.length) throw new DOMException('the disk is full', 'QuotaExceededError')
    this.length += written
  }

  async close() {
    this.#access.flush()
    this.#access.close()
    return this.#handle.getFile()
  }

  async drop() {
    this.#access.close()
    await this.#remove()
  }
}

/** For browsers that only write streams; what came in is lost with a reload of the page. */
class StreamSink implements Sink {
  length = 0
  #handle: FileSystemFileHandle
  #stream: FileSystemWritableFileStream
  #remove: () => Promise<void>

  constructor(handle: FileSystemFileHandle, stream: FileSystemWritableFileStream, remove: () => Promise<void>) {
    this.#handle = handle
    this.#stream = stream
    this.#remove = remove
  }

  async read(): Promise<Uint8Array> {
    throw new Error('nothing is there before the first write')
  }

  async append(data: Uint8Array<ArrayBuffer>) {
    await this.#stream.write(data)
    this.length += data.length
  }

  async close() {
    await this.#stream.close()
    return this.#handle.getFile()
  }

  async drop() {
    await this.#stream.abort().catch(() => {})
    await this.#remove()
  }
}
