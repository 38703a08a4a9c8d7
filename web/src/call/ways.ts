import type { LocalMedia } from '../media/localmedia'
import { bringsAll } from './crossing'
import { DirectLink, type DirectEvents } from './direct'
import type { Link, LinkEvents } from './link'
import type { Incoming, Path } from './protocol'
import type { Roster } from './roster'
import type { CallSignal } from './signal'

/** How long an old path is kept for those who have not arrived on the new one, in ms. */
const keepOld = 10_000
/** How long both are kept at least, so that every tile has shown a frame of the new one before the old one ends, in ms. */
const overlap = 1500
/** A new path whose media is not all there after this long is taken as it is, in ms. */
const settleLimit = 8000

/** The call that ways belong to. */
interface Side {
  you(): string
  local: LocalMedia
  roster: Roster
  signal: CallSignal
  events: Omit<LinkEvents, 'failed'>
}

/**
 * The ways to the others: one link, and while the call moves from one path to another both. The old link ends when everybody has arrived on the
 * new one. Owned by the session.
 */
export class Ways {
  /** Newest first. */
  links: Link[] = []
  /** Where the server wants the call. */
  at: Path = { kind: 'alone' }
  #call: Side
  #ice: RTCIceServer[] = []
  /** The greatest generation that was announced. */
  #generation = 0
  /** Counts how often the call was entered: generations begin anew then, so links of before must not be taken for those of now. */
  #entered = 0
  /** When the newest link was asked for, and when this side arrived on it; 0 before. */
  #askedAt = 0
  #arrivedAt = 0
  #arrived = new Set<string>()
  #roomFailures = 0
  #preload: ReturnType<typeof setTimeout> | undefined
  #closed = false

  constructor(call: Side) {
    this.#call = call
  }

  /** Whether the call goes over to another path, and the old one is still shown. */
  get moving(): boolean {
    return !this.#arrivedAt && this.links.some((link) => link.kind !== this.links[0]?.kind)
  }

  /** Whether a link still has to be settled. */
  get unsettled(): boolean {
    return this.links.length > 1 || !this.#arrivedAt
  }

  /** Whether somebody's media comes straight from them. */
  flows(id: string): boolean {
    return this.links.some((link) => link.kind === 'direct' && link.open && link.reaches(id))
  }

  /** A call that was entered anew has new generations. What carries media goes on until the new ones show as much, but signals no more. */
  enter(iceServers: RTCIceServer[]) {
    this.#entered++
    for (const link of this.links) {
      if (link.open) link.generation = 0
      else link.close()
    }
    this.links = this.links.filter((link) => link.open)
    this.#ice = iceServers
    this.#generation = 0
    this.at = { kind: 'alone' }
  }

  useServers(iceServers: RTCIceServer[]) {
    this.#ice = iceServers
    for (const link of this.links) if (link instanceof DirectLink) link.useServers(iceServers)
  }

  /** Goes where the server says. */
  go(path: Path) {
    if (path.kind !== 'alone' && path.generation <= this.#generation) return
    if (path.kind !== 'alone') this.#generation = path.generation
    this.at = path
    this.#askedAt = Date.now()
    this.#arrivedAt = 0
    this.#arrived.clear()
    switch (path.kind) {
      case 'alone':
        this.keepFlowing()
        break
      case 'direct':
        this.links.unshift(this.#direct(path))
        break
      case 'room': {
        // Somebody who is still in the room has nowhere to go.
        const inRoom = this.links.find((link) => link.kind === 'room')
        if (inRoom) {
          inRoom.generation = path.generation
          this.links = [inRoom, ...this.links.filter((link) => link !== inRoom)]
        } else {
          void this.#throughRoom(path)
        }
      }
    }
    // Three links are one too many: what is neither the newest nor shows anything ends.
    for (const link of this.links.splice(2)) link.close()
    this.#call.events.changed()
  }

  /** Somebody else has arrived on the newest link. */
  arrived(from: string, generation: number) {
    if (this.at.kind !== 'alone' && generation === this.at.generation) this.#arrived.add(from)
  }

  signal(message: Incoming & { type: 'signal' }) {
    const link = this.links.find((l): l is DirectLink => l.kind === 'direct' && l.generation === message.generation)
    if (link?.reached[0]?.id === message.from) link.signal(message)
  }

  /** Ends all links but those to somebody who is cut off from the server alone. */
  keepFlowing() {
    const { roster, events } = this.#call
    // Who is named again while this is still alone has just come back, and the new path follows.
    const ids = [...roster.absent.keys(), ...roster.members.keys()]
    const kept = this.links.filter((link) => link.kind === 'direct' && link.open && ids.some((id) => link.reaches(id)))
    if (kept.length === this.links.length) return
    for (const link of this.links) if (!kept.includes(link)) link.close()
    this.links = kept
    events.changed()
  }

  /** Says that we have arrived, and ends old links when everybody has. */
  settle() {
    const { roster, signal, you } = this.#call
    const [newest, ...old] = this.links
    if (!newest || this.at.kind === 'alone' || newest.generation !== this.at.generation) return
    if (!this.#arrivedAt) {
      const waited = Date.now() - this.#askedAt > settleLimit
      if (!newest.open || !(waited || bringsAll(newest, old, roster, you()))) return
      this.#arrivedAt = Date.now()
      this.#roomFailures = 0
      signal.send({ type: 'arrived', generation: newest.generation })
      if (newest.kind === 'direct') {
        // The way through the server is got ready while nobody waits for it.
        clearTimeout(this.#preload)
        this.#preload = setTimeout(() => void import('./room').catch(() => {}), 5000)
      }
    }
    if (old.length === 0) return
    const waiting = old.some((link) => link.open && link.reached.some(({ id }) => roster.members.get(id)?.present && !this.#arrived.has(id)))
    const since = Date.now() - this.#arrivedAt
    if (since < overlap || (waiting && since < keepOld)) return
    this.links = [newest]
    for (const link of old) link.close()
  }

  /** Sends the tracks that the local media has now. */
  follow() {
    for (const link of this.links) link.follow()
  }

  /** The network has changed. */
  restart() {
    for (const link of this.links) if (link instanceof DirectLink) link.restart()
  }

  close() {
    this.#closed = true
    clearTimeout(this.#preload)
    for (const link of this.links.splice(0)) link.close()
  }

  #direct(path: Path & { kind: 'direct' }): DirectLink {
    const { roster, signal, local, events } = this.#call
    const peer = { id: path.peer, name: roster.members.get(path.peer)?.name ?? '' }
    const entered = this.#entered
    const current = () => entered === this.#entered
    const told: DirectEvents = {
      ...events,
      send: (said) => {
        if (current()) signal.send({ type: 'signal', to: path.peer, generation: path.generation, ...said })
      },
      signalling: () => current() && signal.open && roster.members.get(path.peer)?.present !== false,
      failed: () => {
        if (current()) signal.send({ type: 'viaRoom', generation: path.generation, reason: 'no_path' })
      },
    }
    return new DirectLink({ generation: path.generation, peer, polite: path.polite, iceServers: this.#ice, local, events: told })
  }

  async #throughRoom(path: Path & { kind: 'room' }) {
    let module: typeof import('./room')
    try {
      module = await import('./room')
    } catch {
      this.#roomFailed()
      return
    }
    const { at } = this
    if (at.kind !== 'room' || at.generation !== path.generation || this.#closed || this.links.some((l) => l.kind === 'room')) return
    this.links.unshift(
      new module.RoomLink({
        generation: path.generation, url: path.url, token: path.token, local: this.#call.local,
        events: { ...this.#call.events, failed: () => this.#roomFailed() },
      }),
    )
    this.#call.events.changed()
  }

  /** The room could not be entered, or threw us out: try again for as long as the call goes on. */
  #roomFailed() {
    for (const link of this.links) if (link.kind === 'room') link.close()
    this.links = this.links.filter((link) => link.kind !== 'room')
    const delay = Math.min(500 * 2 ** this.#roomFailures++, 5000)
    setTimeout(() => {
      if (this.at.kind === 'room' && !this.#closed && !this.links.some((l) => l.kind === 'room')) void this.#throughRoom(this.at)
    }, delay)
    this.#call.events.changed()
  }
}
