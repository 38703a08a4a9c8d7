import { download } from '../filename'
import type { Patch } from './webm'

/** Where a recording goes while it is made. */
export interface Keep {
  /** "file" is one that the person chose; the others are given as a download at the end. */
  readonly kind: 'file' | 'storage' | 'memory'
  write(data: Uint8Array<ArrayBuffer>): Promise<void>
  /** Bytes that can still be written, where that is known. */
  left(): Promise<number | undefined>
  /** Writes what was left open, and gives the file to the person. */
  finish(patches: Patch[]): Promise<void>
}

/** The most that is kept in memory, in bytes: about half an hour at 2.5 Mbit/s. */
export const memoryLimit = 512 * 1024 * 1024

/** A recording that has no room left. */
export class NoRoom extends Error {}

interface SavePicker {
  showSaveFilePicker?: (options: {
    suggestedName: string
    types: { accept: Record<string, string[]> }[]
  }) => Promise<FileSystemFileHandle>
}

/**
 * Finds a place: a file that the person chooses, else the browser's own storage, else memory. Must be called while a click is
 * being handled. Undefined when the person changed their mind.
 */
export async function openKeep(name: string, mimeType: string): Promise<Keep | undefined> {
  const { showSaveFilePicker } = window as SavePicker
  if (showSaveFilePicker) {
    try {
      const extension = name.slice(name.lastIndexOf('.'))
      const handle = await showSaveFilePicker({ suggestedName: name, types: [{ accept: { [mimeType]: [extension] } }] })
      return new FileKeep(await handle.createWritable())
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return undefined
      // Refused in a frame or by a policy: the file comes as a download.
    }
  }
  try {
    return await openStorage(name)
  } catch {
    return new MemoryKeep(name, mimeType)
  }
}

async function writeThrough(stream: FileSystemWritableFileStream, chunk: FileSystemWriteChunkType) {
  try {
    await stream.write(chunk)
  } catch (error) {
    if (error instanceof DOMException && error.name === 'QuotaExceededError') throw new NoRoom()
    throw error
  }
}

class FileKeep implements Keep {
  readonly kind = 'file'
  #stream: FileSystemWritableFileStream

  constructor(stream: FileSystemWritableFileStream) {
    this.#stream = stream
  }

  write(data: Uint8Array<ArrayBuffer>) {
    return writeThrough(this.#stream, data)
  }

  async left() {
    return undefined
  }

  async finish(patches: Patch[]) {
    for (const { position, data } of patches) await this.#stream.write({ type: 'write', position, data })
    await this.#stream.close()
  }
}

/** The directory of recordings that were not yet given to the person; the next recording clears it. */
const directoryName = 'recordings'

async function openStorage(name: string): Promise<Keep> {
  const root = await navigator.storage.getDirectory()
  const directory = await root.getDirectoryHandle(directoryName, { create: true })
  for await (const old of (directory as FileSystemDirectoryHandle & { keys(): AsyncIterable<string> }).keys()) {
    // One that another page is writing cannot be removed, and stays.
    await directory.removeEntry(old).catch(() => {})
  }
  const handle = await directory.getFileHandle(name, { create: true })
  return new StorageKeep(name, handle, await handle.createWritable())
}

class StorageKeep implements Keep {
  readonly kind = 'storage'
  #name: string
  #handle: FileSystemFileHandle
  #stream: FileSystemWritableFileStream

  constructor(name: string, handle: FileSystemFileHandle, stream: FileSystemWritableFileStream) {
    this.#name = name
    this.#handle = handle
    this.#stream = stream
  }

  write(data: Uint8Array<ArrayBuffer>) {
    return writeThrough(this.#stream, data)
  }

  async left() {
    const { quota, usage } = await navigator.storage.estimate()
    return quota === undefined || usage === undefined ? undefined : Math.max(0, quota - usage)
  }

  async finish(patches: Patch[]) {
    for (const { position, data } of patches) await this.#stream.write({ type: 'write', position, data })
    await this.#stream.close()
    download(await this.#handle.getFile(), this.#name)
  }
}

/** Where the browser has no storage for files. Blobs go to disk where the browser sees fit. */
export class MemoryKeep implements Keep {
  readonly kind = 'memory'
  #name: string
  #mimeType: string
  #parts: Blob[] = []
  #size = 0

  constructor(name: string, mimeType: string) {
    this.#name = name
    this.#mimeType = mimeType
  }

  async write(data: Uint8Array<ArrayBuffer>) {
    if (this.#size + data.length > memoryLimit) throw new NoRoom()
    this.#parts.push(new Blob([data]))
    this.#size += data.length
  }

  async left() {
    return memoryLimit - this.#size
  }

  /** The file with its patches; they may lie anywhere in it, and do not overlap. */
  file(patches: Patch[]): Blob {
    const whole = new Blob(this.#parts)
    const parts: BlobPart[] = []
    let at = 0
    for (const { position, data } of patches.toSorted((a, b) => a.position - b.position)) {
      parts.push(whole.slice(at, position), data)
      at = position + data.length
    }
    return new Blob([...parts, whole.slice(at)], { type: this.#mimeType })
  }

  async finish(patches: Patch[]) {
    download(this.file(patches), this.#name)
  }
}
