import { DeskError, type Desk, type DeskReason } from './desk'
import { begunFiles, noteBegun, ownDirectory } from './directory'

/** First message to the worker. */
export interface Start {
  directory: string | undefined
}

export interface Call {
  call: number
  method: Exclude<keyof Desk, 'close'>
  args: unknown[]
}

export interface Answer {
  call: number
  result?: unknown
  failed?: { reason: DeskReason; room: number | undefined }
}

/** The desk in a worker of its own, which starts with the first file. */
export class WorkerDesk implements Desk {
  #worker: Promise<Worker> | undefined
  #calls = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>()
  #next = 1
  #closed = false

  constructor() {
    // What others have left behind is removed at once, the worker comes when it is needed.
    void ownDirectory()
  }

  read(id: string, file: Blob, offset: number, length: number) {
    return this.#ask<Uint8Array<ArrayBuffer>>('read', [id, file, offset, length])
  }

  digest(id: string) {
    return this.#ask<string>('digest', [id])
  }

  take(id: string, size: number) {
    noteBegun(id, true)
    return this.#ask<number>('take', [id, size])
  }

  async begun(id: string) {
    return begunFiles().includes(id) && this.#ask<boolean>('begun', [id])
  }

  write(id: string, data: Uint8Array<ArrayBuffer>) {
    // The data often lies in a larger message; that goes along, if nothing else does.
    const alone = data.buffer.byteLength - data.byteLength < 64
    const own = alone ? data : data.slice()
    return this.#ask<void>('write', [id, own], [own.buffer])
  }

  finish(id: string) {
    noteBegun(id, false)
    return this.#ask<string>('finish', [id])
  }

  file(id: string) {
    return this.#ask<Blob>('file', [id])
  }

  async drop(id: string) {
    noteBegun(id, false)
    if (this.#worker) await this.#ask<void>('drop', [id])
  }

  close() {
    this.#closed = true
    void this.#worker?.then((worker) => worker.terminate())
    this.#failAll()
  }

  async #ask<T>(method: Call['method'], args: unknown[], transfer: Transferable[] = []): Promise<T> {
    this.#worker ??= this.#start()
    const worker = await this.#worker
    if (this.#closed) throw new DeskError('storage')
    return new Promise<T>((resolve, reject) => {
      const call = this.#next++
      this.#calls.set(call, { resolve, reject })
      worker.postMessage({ call, method, args } satisfies Call, transfer)
    })
  }

  async #start(): Promise<Worker> {
    const directory = await ownDirectory()
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
    worker.onmessage = ({ data: { call, result, failed } }: MessageEvent<Answer>) => {
      const waiting = this.#calls.get(call)
      this.#calls.delete(call)
      if (failed) waiting?.reject(new DeskError(failed.reason, failed.room))
      else waiting?.resolve(result as never)
    }
    worker.onerror = () => this.#failAll()
    worker.postMessage({ directory } satisfies Start)
    return worker
  }

  #failAll() {
    for (const { reject } of this.#calls.values()) reject(new DeskError('storage'))
    this.#calls.clear()
  }
}
