import type { LocalMedia } from '../media/localmedia'
import { Transfers } from '../files/transfers.svelte'
import { language, t } from '../i18n/index.svelte'
import { watchNetwork } from './network'
import type { ChatMessage } from '../room/view'
import type { StatsSource, TrackHint, TrackOwner } from '../stats/source'
import { toast } from '../ui/toasts.svelte'
import { Conversation } from './conversation.svelte'
import { ownerOf, reportsOf } from './figures'
import { bringsAll, feedToShow } from './crossing'
import { DirectLink } from './direct'
import { Gathering } from './gathering'
import type { Feed, Link } from './link'
import { OwnVoice } from './ownvoice'
import type { Pipe } from './pipe'
import type { ErrorCode, Incoming, Joined, Path, Source, State } from './protocol'
import { overOf } from './refusals'
import { Roster } from './roster'
import type { CallSignal } from './signal'
import { Sounds } from './sounds'
import type { CallOver, CallPath, CallTile, CallView, Member, Visitor } from './view'
import { checkOf, codeOf, wordsOf, type Check } from './words'

/** How long a call without any way to the others is kept, in seconds. */
const patience = 60
/** How long an old path is kept for those who have not arrived on the new one, in ms. */
const keepOld = 10_000
/** How long both are kept at least, so that every tile has shown a frame of the new one before the old one ends, in ms. */
const overlap = 1500
/** A new path whose media is not all there after this long is taken as it is, in ms. */
const settleLimit = 8000

export interface CallEntry {
  room: string
  name: string
  signal: CallSignal
  joined: Joined
  /** Ended with the call. */
  local: LocalMedia
}

/**
 * One stay in a call. It keeps one link to the others, and while the call moves from one path to another both: each track is taken from the new
 * link as soon as it shows a first frame there, and the old link ends when everybody has arrived.
 */
export class CallSession implements CallView, StatsSource {
  readonly room: string
  readonly title: string
  readonly local: LocalMedia
  readonly transfers = new Transfers()
  you = $state('')
  phase = $state<CallView['phase']>('connecting')
  over = $state<CallOver>('left')
  secondsLeft = $state(patience)
  path = $state<CallPath>('connecting')
  serverReason = $state<CallView['serverReason']>()
  moving = $state(false)
  serverLost = $state(false)
  members = $state.raw<Member[]>([])
  visitors = $state.raw<Visitor[]>([])
  missed = $state.raw<CallView['missed']>()
  tiles = $state.raw<CallTile[]>([])
  soundBlocked = $state(false)
  #check = $state.raw<Check>()

  #name: string
  #signal: CallSignal
  #ice: RTCIceServer[] = []
  #roster = new Roster(() => this.#changed())
  #at: Path = { kind: 'alone' }
  /** The greatest generation that was announced. */
  #generation = 0
  /** Counts how often the call was entered: generations begin anew then, so links of before must not be taken for those of now. */
  #entered = 0
  /** Newest first. */
  #links: Link[] = []
  /** When the newest link was asked for, and when this side arrived on it; 0 before. */
  #askedAt = 0
  #arrivedAt = 0
  #arrived = new Set<string>()
  #conversation = new Conversation(() => ({ you: this.you, name: this.#name, roster: this.#roster, links: this.#links }))
  #attached = new Map<string, Pipe>()
  #gathering = new Gathering()
  #sounds = new Sounds((blocked) => (this.soundBlocked = blocked))
  #voice = new OwnVoice(() => this.local.microphoneOn, () => this.#changed())
  #recording = false
  #checkedFor: string[] | undefined
  #told = ''
  #looking = false
  #troubleSince = 0
  #roomFailures = 0
  #stops: (() => void)[] = []
  #preload: ReturnType<typeof setTimeout> | undefined

  constructor(entry: CallEntry) {
    this.room = entry.room
    this.title = entry.joined.title || t().call.title
    this.local = entry.local
    this.#name = entry.name
    this.#signal = entry.signal
    this.#signal.onjoined = (joined) => this.#enter(joined)
    // Members and path come by the messages that were missed, which follow in order.
    this.#signal.onresumed = (resumed) => this.#useServers(resumed.iceServers)
    this.#signal.onmessage = (message) => this.#hear(message)
    this.#signal.onopen = () => this.#changed()
    this.#signal.onend = (code) => this.#finish(overOf(code))
    this.#signal.onerror = (code) => this.#refused(code)
    this.local.onchange = () => this.#localChanged()
    const timer = setInterval(() => this.#tick(), 1000)
    const leave = () => void this.leave()
    addEventListener('pagehide', leave)
    this.#stops.push(
      () => clearInterval(timer),
      () => removeEventListener('pagehide', leave),
      watchNetwork(() => this.networkChanged()),
    )
    this.#enter(entry.joined)
    this.#localChanged()
  }

  get checkWords(): string[] | undefined {
    return this.#check && this.path !== 'server' ? wordsOf(this.#check, language()) : undefined
  }

  get checkCode(): string | undefined {
    return this.#check && this.path !== 'server' ? codeOf(this.#check) : undefined
  }

  // --- what the server says

  #enter(joined: Joined) {
    // A call that was entered anew has new generations. What carries media goes on until the new ones show as much, but signals no more.
    this.#entered++
    for (const link of this.#links) {
      if (link.open) link.generation = 0
      else link.close()
    }
    this.#links = this.#links.filter((link) => link.open)
    this.you = joined.you
    this.#ice = joined.iceServers
    this.#told = ''
    this.#generation = 0
    this.#at = { kind: 'alone' }
    this.#roster.enter(this.you, joined.members, joined.visitors)
    this.#changed()
    this.#go(joined.path)
    this.#tellState()
  }

  #hear(message: Incoming) {
    switch (message.type) {
      case 'member': {
        const { member } = message
        if (!this.#roster.knows(member.id) && member.id !== this.you) toast(t().room.joined(member.name))
        this.#roster.meet(member)
        this.missed = undefined
        break
      }
      case 'gone': {
        const back = message.reason === 'replaced'
        // Back in a moment, or cut off from the server alone.
        const left = this.#roster.leave(message.id, { back, flows: message.reason === 'lost' && this.#flows(message.id) })
        if (!left?.gone) break
        this.#forget(message.id)
        toast(message.reason === 'lost' ? t().call.lostThem(left.member.name) : t().room.leftRoom(left.member.name))
        break
      }
      case 'visitor':
        this.#roster.visitors.set(message.visitor.id, message.visitor)
        if (message.visitor.ringing) this.missed = undefined
        break
      case 'visitorGone': {
        const name = this.#roster.visitors.get(message.id)?.name ?? ''
        this.#roster.visitors.delete(message.id)
        if (message.reason !== 'accepted') this.missed = { name, reason: message.reason, text: (message.text ?? '').slice(0, 200) }
        break
      }
      case 'path':
        this.#go(message.path)
        break
      case 'arrived':
        if (this.#at.kind !== 'alone' && message.generation === this.#at.generation) this.#arrived.add(message.from)
        break
      case 'signal': {
        const link = this.#links.find((l): l is DirectLink => l.kind === 'direct' && l.generation === message.generation)
        if (link?.reached[0]?.id === message.from) link.signal(message)
        break
      }
      case 'ice':
        this.#useServers(message.iceServers)
    }
    this.#changed()
  }

  /** Whether somebody's media comes straight from them. */
  #flows(id: string): boolean {
    return this.#links.some((link) => link.kind === 'direct' && link.open && link.reaches(id))
  }

  /** Forgets those who have not come back and whose media does not come any more. */
  #dismiss() {
    const gone = this.#roster.dismiss((id) => this.#flows(id))
    for (const { id, name } of gone) {
      this.#forget(id)
      toast(t().call.lostThem(name))
    }
    if (this.#at.kind === 'alone') this.#keepFlowing()
    if (gone.length > 0) this.#changed()
  }

  /** Ends all links but those to somebody who is cut off from the server alone. */
  #keepFlowing() {
    // Who is named again while this is still alone has just come back, and the new path follows.
    const ids = [...this.#roster.absent.keys(), ...this.#roster.members.keys()]
    const kept = this.#links.filter((link) => link.kind === 'direct' && link.open && ids.some((id) => link.reaches(id)))
    if (kept.length === this.#links.length) return
    for (const link of this.#links) if (!kept.includes(link)) link.close()
    this.#links = kept
    this.#changed()
  }

  #refused(code: ErrorCode) {
    if (code === 'no_room') toast(t().call.noRoom, 'bad')
  }

  #useServers(iceServers: RTCIceServer[]) {
    this.#ice = iceServers
    for (const link of this.#links) if (link instanceof DirectLink) link.useServers(iceServers)
  }

  #forget(id: string) {
    this.#conversation.gone(id)
    this.#attached.delete(id)
    this.transfers.left(id)
  }

  // --- the path

  #go(path: Path) {
    if (path.kind !== 'alone' && path.generation <= this.#generation) return
    if (path.kind !== 'alone') this.#generation = path.generation
    this.#at = path
    this.#askedAt = Date.now()
    this.#arrivedAt = 0
    this.#arrived.clear()
    switch (path.kind) {
      case 'alone':
        this.#keepFlowing()
        break
      case 'direct':
        this.#links.unshift(this.#direct(path))
        break
      case 'room': {
        // Somebody who is still in the room has nowhere to go.
        const inRoom = this.#links.find((link) => link.kind === 'room')
        if (inRoom) {
          inRoom.generation = path.generation
          this.#links = [inRoom, ...this.#links.filter((link) => link !== inRoom)]
        } else {
          void this.#throughRoom(path)
        }
      }
    }
    // Three links are one too many: what is neither the newest nor shows anything ends.
    for (const link of this.#links.splice(2)) link.close()
    this.#changed()
  }

  #direct(path: Path & { kind: 'direct' }): DirectLink {
    const peer = { id: path.peer, name: this.#roster.members.get(path.peer)?.name ?? '' }
    const entered = this.#entered
    const current = () => entered === this.#entered
    return new DirectLink({
      generation: path.generation, peer, polite: path.polite, iceServers: this.#ice, local: this.local,
      events: {
        ...this.#events(),
        send: (signal) => {
          if (current()) this.#signal.send({ type: 'signal', to: path.peer, generation: path.generation, ...signal })
        },
        signalling: () => current() && this.#signal.open && this.#roster.members.get(path.peer)?.present !== false,
        failed: () => {
          if (current()) this.#signal.send({ type: 'viaRoom', generation: path.generation, reason: 'no_path' })
        },
      },
    })
  }

  async #throughRoom(path: Path & { kind: 'room' }) {
    let module: typeof import('./room')
    try {
      module = await import('./room')
    } catch {
      this.#roomFailed()
      return
    }
    const wanted = this.#at
    if (wanted.kind !== 'room' || wanted.generation !== path.generation || this.phase === 'over' || this.#links.some((l) => l.kind === 'room')) return
    this.#links.unshift(
      new module.RoomLink({
        generation: path.generation, url: path.url, token: path.token, local: this.local,
        events: { ...this.#events(), failed: () => this.#roomFailed() },
      }),
    )
    this.#changed()
  }

  /** The room could not be entered, or threw us out: try again for as long as the call goes on. */
  #roomFailed() {
    for (const link of this.#links) if (link.kind === 'room') link.close()
    this.#links = this.#links.filter((link) => link.kind !== 'room')
    const delay = Math.min(500 * 2 ** this.#roomFailures++, 5000)
    setTimeout(() => {
      if (this.#at.kind === 'room' && this.phase !== 'over' && !this.#links.some((l) => l.kind === 'room')) void this.#throughRoom(this.#at)
    }, delay)
    this.#changed()
  }

  #events() {
    return {
      changed: () => this.#changed(),
      told: (member: string, name: string, data: Uint8Array<ArrayBuffer>) => this.#conversation.read(member, name, data),
    }
  }

  /** Says that we have arrived, and ends old links when everybody has. */
  #settle() {
    const [newest, ...old] = this.#links
    if (!newest || this.#at.kind === 'alone' || newest.generation !== this.#at.generation) return
    if (!this.#arrivedAt) {
      const waited = Date.now() - this.#askedAt > settleLimit
      if (!newest.open || !(waited || bringsAll(newest, old, this.#roster, this.you))) return
      this.#arrivedAt = Date.now()
      this.#roomFailures = 0
      this.#signal.send({ type: 'arrived', generation: newest.generation })
      if (newest.kind === 'direct') {
        // The way through the server is got ready while nobody waits for it.
        clearTimeout(this.#preload)
        this.#preload = setTimeout(() => void import('./room').catch(() => {}), 5000)
      }
    }
    if (old.length === 0) return
    const waiting = old.some((link) => link.open && link.reached.some(({ id }) => this.#roster.members.get(id)?.present && !this.#arrived.has(id)))
    const since = Date.now() - this.#arrivedAt
    if (since < overlap || (waiting && since < keepOld)) return
    this.#links = [newest]
    for (const link of old) link.close()
  }

  // --- looking at it all

  /** Gathers many changes at once into one new picture of the call. */
  #changed() {
    if (this.#looking) return
    this.#looking = true
    queueMicrotask(() => {
      this.#looking = false
      if (this.phase !== 'over') this.#look()
    })
  }

  #look() {
    this.#settle()
    const [newest] = this.#links
    const opened = this.#links.filter((link) => link.open)
    const shownLink = opened[0]
    this.moving = !this.#arrivedAt && this.#links.some((link) => link.kind !== newest?.kind)
    this.#showPath(shownLink)
    this.#showPhase(newest, shownLink)
    this.#showMembers()
    this.#sound()
    this.#pipes()
    this.#conversation.follow()
  }

  #showPath(link: Link | undefined) {
    if (!link) {
      if (this.#at.kind === 'alone' || this.phase !== 'reconnecting') this.path = 'connecting'
    } else if (link.kind === 'room') {
      this.path = 'server'
    } else {
      this.path = (link as DirectLink).relayed ? 'relay' : 'direct'
    }
    this.serverReason = this.#at.kind === 'room' ? this.#at.reason : undefined
    const direct = this.#links.find((l): l is DirectLink => l.kind === 'direct')
    if (direct?.fingerprints !== this.#checkedFor) {
      this.#checkedFor = direct?.fingerprints
      this.#check = undefined
      const asked = this.#checkedFor
      // Without a secure address there is no cryptography to check with.
      if (asked && crypto.subtle) void checkOf(asked).then((check) => asked === this.#checkedFor && (this.#check = check))
    }
  }

  #showPhase(newest: Link | undefined, shown: Link | undefined) {
    const broken = newest instanceof DirectLink && newest.broken && !this.#links.some((link) => link !== newest && link.open)
    this.serverLost = !this.#signal.open && shown !== undefined
    let next: CallView['phase']
    if (this.#at.kind === 'alone' && !shown) next = this.#signal.open ? 'alone' : 'reconnecting'
    else if (shown && !broken) next = 'connected'
    else if (this.phase === 'connected' || this.phase === 'reconnecting') next = 'reconnecting'
    else next = 'connecting'
    if (next === 'reconnecting' || next === 'connecting') this.#troubleSince ||= Date.now()
    else this.#troubleSince = 0
    this.phase = next
    this.#tick()
  }

  #tick() {
    if (this.phase === 'over') return
    this.#dismiss()
    if (!this.#troubleSince) {
      this.secondsLeft = patience
      if (this.#links.length > 1 || !this.#arrivedAt) this.#settle()
      return
    }
    this.secondsLeft = Math.max(0, patience - Math.floor((Date.now() - this.#troubleSince) / 1000))
    if (this.secondsLeft === 0) this.#finish('failed')
  }

  #feed(member: string, source: Source): Feed | undefined {
    return feedToShow(this.#links, member, source)
  }

  #showMembers() {
    const { members, tiles } = this.#gathering.take({
      me: {
        id: this.you, name: this.#name, present: this.#signal.open || this.#links.some((l) => l.open),
        recording: this.#recording, speaking: this.#voice.speaking && this.local.microphoneOn,
      },
      local: this.local, roster: this.#roster, links: this.#links, broken: this.phase === 'reconnecting',
      feed: (member, source) => this.#feed(member, source), flows: (member) => this.#flows(member),
    })
    this.members = members
    this.tiles = tiles
    this.visitors = [...this.#roster.visitors.values()].map(({ id, name, ringing }) => ({ id, name, ringing }))
  }

  // --- sound

  #sound() {
    const sounds = this.#links.flatMap((link) => link.feeds).filter((feed) => feed.track.kind === 'audio')
    this.#sounds.follow(sounds, (feed) => this.#feed(feed.member, feed.source) === feed)
    this.#voice.follow(this.local.microphone)
  }

  async startSound() {
    this.#sounds.start()
  }

  // --- what is sent

  #localChanged() {
    for (const link of this.#links) link.follow()
    this.#tellState()
    this.#changed()
  }

  #tellState() {
    const { microphoneOn: microphone, cameraOn: camera, screen } = this.local
    const state: State = { microphone, camera, screen: screen !== undefined, recording: this.#recording }
    const text = JSON.stringify(state)
    if (text === this.#told) return
    this.#told = text
    this.#signal.send({ type: 'state', state })
  }

  /** Tells the others whether this person records them. */
  setRecording(on: boolean) {
    this.#recording = on
    this.#tellState()
  }

  networkChanged() {
    this.#signal.probe()
    for (const link of this.#links) if (link instanceof DirectLink) link.restart()
  }

  // --- chat and files

  get messages(): ChatMessage[] {
    return this.#conversation.messages
  }

  async say(text: string) {
    this.#conversation.say(text)
  }

  /** Gives the files the newest way to each member. */
  #pipes() {
    for (const { id, name, local } of this.members) {
      if (local) continue
      const pipe = this.#links.filter((link) => link.reaches(id)).flatMap((link) => link.pipes).find((p) => p.peer === id)
      if (!pipe || this.#attached.get(id) === pipe) continue
      this.#attached.set(id, pipe)
      this.transfers.attach(pipe, name)
    }
  }

  soundOf(member: string, source: 'microphone' | 'screenSound' = 'microphone'): MediaStreamTrack | undefined {
    return member === this.you ? this.local[source] : this.#feed(member, source)?.track
  }

  // --- statistics

  reports() {
    return reportsOf(this.#links)
  }

  describe(connection: string, hint: TrackHint): TrackOwner | undefined {
    return ownerOf(connection, hint, { links: this.#links, you: this.you, members: this.members, local: this.local })
  }

  // --- what the person does

  ring(visitor: Visitor) {
    this.#signal.send({ type: 'ring', to: visitor.id })
  }

  useServer() {
    if (this.#at.kind === 'direct') this.#signal.send({ type: 'viaRoom', generation: this.#at.generation, reason: 'wish' })
  }

  useDirect() {
    this.#signal.send({ type: 'viaDirect' })
  }

  async leave() {
    if (this.phase === 'over') return
    this.#signal.leave()
    this.#finish('left')
  }

  #finish(over: CallOver) {
    if (this.phase === 'over') return
    this.over = over
    this.phase = 'over'
    this.#signal.close()
    clearTimeout(this.#preload)
    for (const stop of this.#stops) stop()
    for (const link of this.#links.splice(0)) link.close()
    this.#sounds.close()
    this.#voice.close()
    this.transfers.close()
    this.local.stop()
  }
}
