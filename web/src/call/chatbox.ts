import { decodeChat, encodeChat } from '../room/chat'

/** How many messages wait for somebody at most; older ones are given up. */
const maxWaiting = 200
/** How many ids of each sender are remembered, to know a message that comes twice. */
const maxKnown = 500

export interface Said {
  id: string
  at: number
  text: string
}

/** Sends bytes to a member over a way named by the result, or gives undefined when they are not reached now. */
export type Tell = (member: string, data: Uint8Array<ArrayBuffer>) => string | undefined

/**
 * The chat of a call. Each message waits until each member that was there has acknowledged it, and goes out again on every new way to
 * them; so none is lost or shown twice while the call moves or reconnects.
 */
export class Chatbox {
  #tell: Tell
  #waiting: { id: string; data: Uint8Array<ArrayBuffer>; members: Map<string, string | undefined> }[] = []
  #known = new Map<string, Set<string>>()

  constructor(tell: Tell) {
    this.#tell = tell
  }

  /** Sends a message to those who are in the call now. */
  say(text: string, members: Iterable<string>, now: number): Said & { data: Uint8Array<ArrayBuffer> } {
    const id = crypto.randomUUID?.() ?? crypto.getRandomValues(new Uint32Array(4)).join('-')
    const data = encodeChat({ id, timestamp: now, message: text })
    this.#waiting.push({ id, data, members: new Map([...members].map((member) => [member, undefined])) })
    if (this.#waiting.length > maxWaiting) this.#waiting.shift()
    this.flush()
    return { id, at: now, text, data }
  }

  /** Sends what waits to whoever is reached by a way that it was not sent over. `way` names the way that leads to a member now. */
  flush(way: (member: string) => string | undefined = () => undefined) {
    this.#waiting = this.#waiting.filter((m) => m.members.size > 0)
    for (const message of this.#waiting) {
      for (const [member, sentOver] of [...message.members]) {
        if (sentOver !== undefined && sentOver === (way(member) ?? sentOver)) continue
        const over = this.#tell(member, message.data)
        if (over !== undefined && message.members.has(member)) message.members.set(member, over)
      }
    }
  }

  /** Takes what came from a member; gives the message unless it was an acknowledgement, nonsense, or known already. */
  take(member: string, data: Uint8Array<ArrayBuffer>, now: number): Said | undefined {
    const ack = ackIn(data)
    if (ack !== undefined) {
      for (const message of this.#waiting) if (message.id === ack) message.members.delete(member)
      return undefined
    }
    const message = decodeChat(data, now)
    if (!message) return undefined
    if (message.id !== '') {
      this.#tell(member, new TextEncoder().encode(JSON.stringify({ ack: message.id })))
      const known = this.#known.get(member) ?? new Set()
      this.#known.set(member, known)
      if (known.has(message.id)) return undefined
      known.add(message.id)
      if (known.size > maxKnown) known.delete(known.values().next().value!)
    }
    return { id: message.id, at: message.timestamp, text: message.message }
  }

  /** Nothing waits any more for somebody who has left. */
  gone(member: string) {
    for (const message of this.#waiting) message.members.delete(member)
    this.#known.delete(member)
  }
}

function ackIn(data: Uint8Array<ArrayBuffer>): string | undefined {
  if (data.length > 200) return undefined
  try {
    const { ack } = JSON.parse(new TextDecoder().decode(data)) as { ack?: unknown }
    return typeof ack === 'string' ? ack : undefined
  } catch {
    return undefined
  }
}
