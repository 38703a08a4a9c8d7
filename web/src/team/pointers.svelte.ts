import type { Whispers } from '../room/topics'

/** Where somebody points on a shared screen; x and y are shares of its width and height. */
export interface Pointer {
  identity: string
  name: string
  sid: string
  x: number
  y: number
  /** When it was said, in milliseconds. */
  at: number
}

const topic = 'tutti.pointer'
/** How often the own pointer is told at most, and how long one is shown after the last word, in milliseconds. */
const every = 60
export const lasts = 2000
const most = 50

/** Reads what somebody says of their pointer; undefined for what says nothing. */
export function readPointer(payload: Uint8Array): Pick<Pointer, 'sid' | 'x' | 'y'> | undefined {
  if (payload.length > 200) return undefined
  try {
    const { sid, x, y } = JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown>
    const share = (n: unknown): n is number => typeof n === 'number' && n >= 0 && n <= 1
    return typeof sid === 'string' && share(x) && share(y) ? { sid, x, y } : undefined
  } catch {
    return undefined
  }
}

/** The pointers of everybody on the screens that are shared in a room. */
export class Pointers {
  list = $state.raw<Pointer[]>([])
  /** Whether the own pointer is shown to the others. */
  on = $state(false)
  #way: Whispers
  #told = 0
  #stop: () => void
  #timer: number

  constructor(way: Whispers) {
    this.#way = way
    this.#stop = way.overhear(topic, (payload, from) => {
      const said = readPointer(payload)
      if (said) this.#keep({ ...from, ...said, at: performance.now() })
    })
    this.#timer = window.setInterval(() => {
      const kept = this.list.filter(({ at }) => performance.now() - at < lasts)
      if (kept.length < this.list.length) this.list = kept
    }, 500)
  }

  #keep(pointer: Pointer) {
    this.list = [...this.list.filter(({ identity }) => identity !== pointer.identity), pointer].slice(-most)
  }

  /** The own pointer is at a place of a screen. */
  point(sid: string, x: number, y: number) {
    const now = performance.now()
    if (!this.on || now - this.#told < every) return
    this.#told = now
    const round = (n: number) => Math.round(Math.min(1, Math.max(0, n)) * 10_000) / 10_000
    this.#way.whisper(topic, new TextEncoder().encode(JSON.stringify({ sid, x: round(x), y: round(y) })))
  }

  stop() {
    this.#stop()
    clearInterval(this.#timer)
  }
}
