// People who send each other files over ways that can be cut, made up for tests.
import { createHash } from 'node:crypto'
import { afterEach, expect } from 'vitest'
import type { Pipe } from '../call/pipe'
import { LocalDesk } from './desk'
import { MemoryStorage } from './storage'
import { Transfers } from './transfers.svelte'
import { decode, type Chunk, type Control } from './wire'

export const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** One end of a way between two; messages under way are lost when it is cut. */
export class FakePipe implements Pipe {
  readonly maxMessage = 16_000
  window: number | undefined
  onmessage: Pipe['onmessage']
  onclose: Pipe['onclose']
  readonly sent: (Control | Chunk)[] = []
  bytes = 0
  other!: FakePipe
  open = true
  #under: Uint8Array<ArrayBuffer>[] = []
  readonly peer: string
  constructor(peer: string) {
    this.peer = peer
  }

  async send(message: Uint8Array<ArrayBuffer>) {
    if (!this.open) throw new Error('closed')
    expect(message.length).toBeLessThanOrEqual(this.maxMessage)
    this.sent.push(decode(message)!)
    this.bytes += message.length
    this.#under.push(message)
    setImmediate(() => {
      const next = this.#under.shift()
      if (next && this.other.open) this.other.onmessage?.(next)
    })
    while (this.#under.length > 8) await turn()
    if (!this.open) throw new Error('closed')
  }

  cut() {
    for (const end of [this, this.other]) {
      if (!end.open) continue
      end.open = false
      end.#under = []
      end.onclose?.()
    }
  }
}

export function pipes(): [FakePipe, FakePipe] {
  const [ada, bo] = [new FakePipe('bo'), new FakePipe('ada')]
  ada.other = bo
  bo.other = ada
  return [ada, bo]
}

/** Waits for something that comes by itself. */
export async function until(what: () => boolean) {
  for (let i = 0; i < 100_000; i++) {
    if (what()) return
    await turn()
  }
  throw new Error(`never: ${what}`)
}

const opened: Transfers[] = []
afterEach(() => {
  for (const one of opened.splice(0)) one.close()
})

export function person(storage = new MemoryStorage(), saved: { file: Blob; name: string }[] = []) {
  const transfers = new Transfers({ desk: new LocalDesk(storage), now: () => 0, save: (file, name) => saved.push({ file, name }) })
  opened.push(transfers)
  return Object.assign(transfers, { saves: saved })
}

export function two() {
  const [ada, bo] = [person(), person()]
  const connect = () => {
    const [a, b] = pipes()
    ada.attach(a, 'Bo')
    bo.attach(b, 'Ada')
    return [a, b] as const
  }
  return { ada, bo, connect }
}

export function file(size: number, name = 'file.bin', type = '') {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >> 8)) & 255
  return new File([bytes], name, { type })
}

export const hash = async (blob: Blob) => createHash('sha256').update(new Uint8Array(await blob.arrayBuffer())).digest('hex')

export async function received(by: ReturnType<typeof person>) {
  await by.save(by.list[0]!)
  return by.saves.at(-1)!
}
