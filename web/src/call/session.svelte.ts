import type { LocalMedia } from '../media/localmedia'
import { Transfers } from '../files/transfers.svelte'
import { language, t } from '../i18n/index.svelte'
import { watchNetwork } from './network'
import type { ChatMessage } from '../room/view'
import type { StatsSource, TrackHint, TrackOwner } from '../stats/source'
import { toast } from '../ui/toasts.svelte'
import { Conversation } from './conversation.svelte'
import { ownerOf, reportsOf } from './figures'
import { feedToShow } from './crossing'
import { DirectLink } from './direct'
import { Gathering } from './gathering'
import type { Feed, Link } from './link'
import { OwnVoice } from './ownvoice'
import type { Pipe } from './pipe'
import type { ErrorCode, Incoming, Joined, Source, State } from './protocol'
import { overOf } from './refusals'
import { Roster } from './roster'
import type { CallSignal } from './signal'
import { Sounds } from './sounds'
import { Talk } from './talk.svelte'
import type { CallOver, CallPath, CallTile, CallView, Member, Visitor } from './view'
import { Ways } from './ways'
import { checkOf, codeOf, wordsOf, type Check } from './words'

/** How long a call without any way to the others is kept, in seconds. */
const patience = 60
export interface CallEntry {
  room: string
  name: string
  signal: CallSignal
  joined: Joined
  /** Ended with the call. */
  local: LocalMedia
}

/**
 * One stay in a call. While the call moves from one path to another there are two links to the others: each track is taken from the new one as soon as
 * it shows a first frame there.
 */
export class CallSession implements CallView, StatsSource {
  readonly room: string
  readonly title: string
  readonly local: LocalMedia
  /** What came in stays when the call is over: whoever shows it closes it. */
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
  #roster = new Roster(() => this.#changed())
  #ways: Ways
  #conversation = new Conversation(() => ({ you: this.you, name: this.#name, roster: this.#roster, links: this.#ways.links }))
  #talk = new Talk()
  #attached = new Map<string, Pipe>()
  #gathering = new Gathering()
  #sounds = new Sounds((blocked) => (this.soundBlocked = blocked))
  #voice = new OwnVoice(() => this.local.microphoneOn, () => this.#changed())
  #recording = false
  #checkedFor: string[] | undefined
  #told = ''
  #looking = false
  #troubleSince = 0
  #stops: (() => void)[] = []

  constructor(entry: CallEntry) {
    this.room = entry.room
    this.title = entry.joined.title || t().call.title
    this.local = entry.local
    this.#name = entry.name
    this.#signal = entry.signal
    this.#ways = new Ways({
      you: () => this.you, local: this.local, roster: this.#roster, signal: this.#signal,
      events: { changed: () => this.#changed(), told: (member, name, data) => this.#conversation.read(member, name, data) },
    })
    this.#signal.onjoined = (joined) => this.#enter(joined)
    // Members and path come by the messages that were missed, which follow in order.
    this.#signal.onresumed = (resumed) => this.#ways.useServers(resumed.iceServers)
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

  get since(): number {
    return this.#talk.since
  }

  get parted(): CallView['parted'] {
    return this.#talk.parted
  }

  // --- what the server says

  #enter(joined: Joined) {
    this.#ways.enter(joined.iceServers)
    this.you = joined.you
    this.#told = ''
    this.#roster.enter(this.you, joined.members, joined.visitors)
    this.#changed()
    this.#ways.go(joined.path)
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
        const left = this.#roster.leave(message.id, { back, flows: message.reason === 'lost' && this.#ways.flows(message.id) })
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
        this.#ways.go(message.path)
        break
      case 'arrived':
        this.#ways.arrived(message.from, message.generation)
        break
      case 'signal':
        this.#ways.signal(message)
        break
      case 'ice':
        this.#ways.useServers(message.iceServers)
    }
    this.#changed()
  }

  /** Forgets those who have not come back and whose media does not come any more. */
  #dismiss() {
    const gone = this.#roster.dismiss((id) => this.#ways.flows(id))
    for (const { id, name } of gone) {
      this.#forget(id)
      toast(t().call.lostThem(name))
    }
    if (this.#ways.at.kind === 'alone') this.#ways.keepFlowing()
    if (gone.length > 0) this.#changed()
  }

  #refused(code: ErrorCode) {
    if (code === 'no_room') toast(t().call.noRoom, 'bad')
  }

  #forget(id: string) {
    this.#conversation.gone(id)
    this.#attached.delete(id)
    this.transfers.left(id)
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
    this.#ways.settle()
    const shown = this.#ways.links.find((link) => link.open)
    this.moving = this.#ways.moving
    this.#showPath(shown)
    this.#showPhase(this.#ways.links[0], shown)
    this.#showMembers()
    this.#sound()
    this.#pipes()
    this.#conversation.follow()
  }

  #showPath(link: Link | undefined) {
    if (!link) {
      if (this.#ways.at.kind === 'alone' || this.phase !== 'reconnecting') this.path = 'connecting'
    } else if (link.kind === 'room') {
      this.path = 'server'
    } else {
      this.path = (link as DirectLink).relayed ? 'relay' : 'direct'
    }
    this.serverReason = this.#ways.at.kind === 'room' ? this.#ways.at.reason : undefined
    const direct = this.#ways.links.find((l): l is DirectLink => l.kind === 'direct')
    if (direct?.fingerprints !== this.#checkedFor) {
      this.#checkedFor = direct?.fingerprints
      this.#check = undefined
      const asked = this.#checkedFor
      // Without a secure address there is no cryptography to check with.
      if (asked && crypto.subtle) void checkOf(asked).then((check) => asked === this.#checkedFor && (this.#check = check))
    }
  }

  #showPhase(newest: Link | undefined, shown: Link | undefined) {
    const broken = newest instanceof DirectLink && newest.broken && !this.#ways.links.some((link) => link !== newest && link.open)
    this.serverLost = !this.#signal.open && shown !== undefined
    let next: CallView['phase']
    if (this.#ways.at.kind === 'alone' && !shown) next = this.#signal.open ? 'alone' : 'reconnecting'
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
      if (this.#ways.unsettled) this.#ways.settle()
      return
    }
    this.secondsLeft = Math.max(0, patience - Math.floor((Date.now() - this.#troubleSince) / 1000))
    if (this.secondsLeft === 0) this.#finish('failed')
  }

  #feed(member: string, source: Source): Feed | undefined {
    return feedToShow(this.#ways.links, member, source)
  }

  #showMembers() {
    const { members, tiles } = this.#gathering.take({
      me: {
        id: this.you, name: this.#name, present: this.#signal.open || this.#ways.links.some((l) => l.open),
        recording: this.#recording, speaking: this.#voice.speaking && this.local.microphoneOn,
      },
      local: this.local, roster: this.#roster, links: this.#ways.links, broken: this.phase === 'reconnecting',
      feed: (member, source) => this.#feed(member, source), flows: (member) => this.#ways.flows(member),
    })
    this.members = members
    this.tiles = tiles
    this.#talk.follow(this.phase, members.filter(({ local }) => !local).map(({ name }) => name), Date.now())
    this.visitors = [...this.#roster.visitors.values()].map(({ id, name, ringing }) => ({ id, name, ringing }))
  }

  // --- sound

  #sound() {
    const sounds = this.#ways.links.flatMap((link) => link.feeds).filter((feed) => feed.track.kind === 'audio')
    this.#sounds.follow(sounds, (feed) => this.#feed(feed.member, feed.source) === feed)
    this.#voice.follow(this.local.microphone)
  }

  async startSound() {
    this.#sounds.start()
  }

  // --- what is sent

  #localChanged() {
    this.#ways.follow()
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
    this.#ways.restart()
  }

  // --- chat and files

  get messages(): ChatMessage[] {
    return this.#conversation.kept.list
  }

  get said(): number {
    return this.#conversation.kept.count
  }

  async say(text: string) {
    this.#conversation.say(text)
  }

  /** Gives the files the newest way to each member. */
  #pipes() {
    for (const { id, name, local } of this.members) {
      if (local) continue
      const pipe = this.#ways.links.filter((link) => link.reaches(id)).flatMap((link) => link.pipes).find((p) => p.peer === id)
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
    return reportsOf(this.#ways.links)
  }

  describe(connection: string, hint: TrackHint): TrackOwner | undefined {
    return ownerOf(connection, hint, { links: this.#ways.links, you: this.you, members: this.members, local: this.local })
  }

  // --- what the person does

  ring(visitor: Visitor) {
    this.#signal.send({ type: 'ring', to: visitor.id })
  }

  useServer() {
    if (this.#ways.at.kind === 'direct') this.#signal.send({ type: 'viaRoom', generation: this.#ways.at.generation, reason: 'wish' })
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
    this.#talk.follow(this.phase, [], Date.now())
    this.#signal.close()
    for (const stop of this.#stops) stop()
    this.#ways.close()
    this.#sounds.close()
    this.#voice.close()
    for (const id of this.#attached.keys()) this.transfers.left(id)
    this.local.stop()
  }
}
