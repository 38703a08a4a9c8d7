import { Allowance } from './allowance'
import type { Whispers } from './topics'

/** What people show each other in passing. */
export const reactions = ['thumb', 'heart', 'laugh', 'wow', 'clap', 'party'] as const
export type Reaction = (typeof reactions)[number]
export const marks: Record<Reaction, string> = { thumb: '👍', heart: '❤️', laugh: '😂', wow: '😮', clap: '👏', party: '🎉' }

const topic = 'tutti.reaction'
/** How long one is seen, in milliseconds. */
const lasts = 2600
/** So many at once, and then one each so many milliseconds: what this page sends, and what it shows of one other. */
const own = [5, 400] as const
const others = [8, 300] as const
/** How many are seen at most, and of how many people it is known how much they showed. */
const most = 40
const mostKnown = 500

/** One that is seen at the moment. */
export interface Shown {
  id: number
  identity: string
  name: string
  reaction: Reaction
}

/** Reads what somebody shows; undefined for what is none of ours. */
export function readReaction(payload: Uint8Array): Reaction | undefined {
  if (payload.length > 100) return undefined
  try {
    const { reaction } = JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown>
    return reactions.find((one) => one === reaction)
  } catch {
    return undefined
  }
}

/** The reactions of everybody in a room, as long as they are seen. */
export class Reactions {
  list = $state.raw<Shown[]>([])
  /** The last one of somebody else, to be read out. */
  last = $state.raw<Shown>()
  #way: Whispers
  #self: () => { identity: string; name: string }
  #own = new Allowance(...own)
  #others = new Map<string, Allowance>()
  #count = 0
  #may: () => boolean

  /** `self` is who the own ones are of. It lasts as long as its way does. */
  constructor(way: Whispers, self: () => { identity: string; name: string }, may: () => boolean) {
    this.#way = way
    this.#self = self
    this.#may = may
    way.overhear(topic, (payload, from) => {
      const reaction = readReaction(payload)
      if (!reaction || !this.#allowed(from.identity)) return
      this.last = this.#show({ ...from, reaction })
    })
  }

  /** Whether this person may show anything. */
  get may(): boolean {
    return this.#may()
  }

  /** Shows one to everybody. Who does it too often shows nothing. */
  react(reaction: Reaction) {
    if (!this.may || !this.#own.take(performance.now())) return
    this.#way.whisper(topic, new TextEncoder().encode(JSON.stringify({ reaction })))
    this.#show({ ...this.#self(), reaction })
  }

  #allowed(identity: string): boolean {
    if (this.#others.size >= mostKnown && !this.#others.has(identity)) this.#others.clear()
    const allowance = this.#others.get(identity) ?? new Allowance(...others)
    this.#others.set(identity, allowance)
    return allowance.take(performance.now())
  }

  #show(what: Omit<Shown, 'id'>): Shown {
    const shown = { ...what, id: ++this.#count }
    this.list = [...this.list.slice(1 - most), shown]
    setTimeout(() => (this.list = this.list.filter(({ id }) => id !== shown.id)), lasts)
    return shown
  }
}
