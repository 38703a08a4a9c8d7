import { language, t } from '../i18n/index.svelte'
import { recall, remember } from '../remember'
import { toast } from '../ui/toasts.svelte'
import { aheadOf, followSleep, steadyNow } from './clock'
import { ownIdentity } from './identity'
import { LikeCounter } from './likes'
import { pkNews, recordingNews } from './pknews'
import { Refusal, type AudienceRequest, type Feature, type Promotion, type ServerEvent } from './protocol'
import { AudienceSocket, type Wire } from './socket'
import { apply, emptyState, isBanned, type AudienceState } from './state'
import { directs, type AudienceView, type Passing } from './view'

export interface AudienceOptions {
  room: string
  /** The link's key; empty without one. */
  key: string
  /** An access token, in place of a key. */
  token?: string
  /** Let up onto the stage: what to join with. */
  onpromoted?: (promotion: Promotion) => void
  ondemoted?: () => void
  /** Banned, or not any more. */
  onbanned?: (banned: boolean) => void
  /** Any event, for what belongs to one scene alone. */
  onevent?: (event: ServerEvent) => void
}

const timers = {
  now: () => performance.now(),
  after(milliseconds: number, run: () => void) {
    const timer = setTimeout(run, milliseconds)
    return () => clearTimeout(timer)
  },
}

/** The words for the refusal of a request; an unknown code gets a general one. */
export function refusalText(code: string, of?: AudienceRequest['type']): string {
  // It is the other show that is meant.
  if (code === 'not_live' && of === 'inviteRoom') return t().audience.pkNotLive
  const texts: Record<string, string> = t().audience.refusals
  return texts[code] ?? t().audience.refusals.other
}

/** One room over the audience channel, for viewers and participants alike. It connects at once and ends with `stop`. */
export class Audience implements AudienceView {
  state = $state.raw<AudienceState>(emptyState(''))
  known = $state(false)
  connected = $state(false)
  wait = $state(0)
  voted = $state.raw<Record<string, number[]>>({})

  #socket: AudienceSocket
  #options: AudienceOptions
  #name = recall('name')
  #listeners = new Set<(passing: Passing) => void>()
  #likes: LikeCounter
  #waiting = 0
  /** Own likes that the server has not yet told back; they were shown when they were made. */
  #ownLikes = 0
  /** What happened shortly before a welcome is told once more after it. */
  #giftsTold = new Set<string>()
  /** The own hand was lowered from here. */
  #lowering = false
  #wake: () => void
  #unfollowSleep: () => void

  constructor(options: AudienceOptions) {
    this.#options = options
    this.state = emptyState(options.room)
    this.#likes = new LikeCounter((count) => void this.#send({ type: 'like', count }).catch(() => {}), timers)
    const url = new URL(`/audience/${encodeURIComponent(options.room)}`, location.href)
    url.protocol = url.protocol.replace('http', 'ws')
    this.#socket = new AudienceSocket({
      open: () => new WebSocket(url) as unknown as Wire,
      hello: () => ({
        type: 'hello', identity: ownIdentity(options.room), lang: language(),
        ...(this.#name ? { name: this.#name } : {}), ...(options.key ? { key: options.key } : {}),
        ...(options.token ? { token: options.token } : {}),
      }),
      heard: (events) => this.#heard(events),
      changed: (connected) => (this.connected = connected),
    })
    this.#wake = () => {
      if (document.visibilityState === 'visible') this.#socket.wake()
    }
    this.#unfollowSleep = followSleep(() => void this.#askTime())
    addEventListener('online', this.#wake)
    document.addEventListener('visibilitychange', this.#wake)
  }

  stop() {
    clearInterval(this.#waiting)
    this.#unfollowSleep()
    this.#socket.close()
    removeEventListener('online', this.#wake)
    document.removeEventListener('visibilitychange', this.#wake)
  }

  has(feature: Feature): boolean {
    return this.state.scene?.features[feature] === true
  }

  /** What the server's clock says now. Where there is no answer, a welcome comes with the next connection, and says it too. */
  async #askTime() {
    const { at } = await this.#send({ type: 'ping' }).catch(() => ({ at: undefined }))
    if (typeof at === 'string') this.state = { ...this.state, clockAhead: aheadOf(at, undefined, steadyNow()) }
  }

  #heard(events: ServerEvent[]) {
    const before = this.state.you
    const wasBanned = isBanned(this.state)
    const known = new Set(this.state.messages.map(({ id }) => id))
    let state = this.state
    for (const event of events) {
      const { pk } = state
      state = apply(state, event)
      const gone = event.type === 'pk' && pk && !state.pk && pkNews(pk, event.endedBy, directs(this))
      if (gone) toast(gone)
      const kept = state.you.role !== 'audience' && recordingNews(pk, state.pk)
      if (kept) toast(kept)
      if (event.type === 'welcome') this.known = true
    }
    this.state = state
    if (isBanned(state) !== wasBanned) this.#options.onbanned?.(!wasBanned)
    // A hand that went down without having been lowered, and without a seat, was refused.
    const { you } = state
    const up = events.some(({ type }) => type === 'promoted')
    if (before.position && !you.position && you.role === 'audience' && !up && !this.#lowering && this.connected) toast(t().audience.declined)
    for (const event of events) this.#pass(event, known)
  }

  #pass(event: ServerEvent, known: Set<string>) {
    const { you } = this.state
    switch (event.type) {
      case 'likes':
        this.#tell({ kind: 'likes', count: Math.max(0, event.added - this.#ownLikes) })
        this.#ownLikes = Math.max(0, this.#ownLikes - event.added)
        break
      case 'gift':
        if (event.id && this.#giftsTold.has(event.id)) break
        if (event.id) this.#giftsTold.add(event.id)
        this.#tell({ kind: 'gift', from: event.from?.name ?? '', gift: event.gift, count: event.count })
        break
      case 'chat':
        if (event.danmaku && !known.has(event.id)) {
          this.#tell({ kind: 'danmaku', id: event.id, text: event.text, color: event.color, own: event.from.identity === you.identity })
        }
        break
      case 'promoted':
        this.#options.onpromoted?.(event)
        break
      case 'demoted':
        this.#options.ondemoted?.()
        break
      case 'error':
        if (event.code === 'not_allowed') this.#nameRefused()
        break
      default:
    }
    this.#options.onevent?.(event)
  }

  #tell(passing: Passing) {
    for (const listener of this.#listeners) listener(passing)
  }

  onpassing(listener: (passing: Passing) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #send(request: AudienceRequest): Promise<Record<string, unknown>> {
    return this.#socket.request(request)
  }

  async do(request: AudienceRequest): Promise<boolean> {
    return (await this.ask(request)) !== undefined
  }

  async ask(request: AudienceRequest): Promise<Record<string, unknown> | undefined> {
    if (request.type === 'lower') this.#lowering = true
    else if (request.type === 'raise') this.#lowering = false
    try {
      return await this.#send(request)
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal('other', '')
      toast(refusalText(refusal.code, request.type), 'bad')
      if (request.type === 'chat') this.#pause(Math.ceil(refusal.wait))
      return undefined
    }
  }

  async say(text: string, danmaku = false): Promise<boolean> {
    const done = await this.do({ type: 'chat', text, ...(danmaku ? { danmaku } : {}) })
    if (done && this.state.you.role === 'audience') this.#pause(this.state.slow)
    return done
  }

  /** Counts down until the next message is taken. */
  #pause(seconds: number) {
    clearInterval(this.#waiting)
    this.wait = seconds
    if (seconds <= 0) return
    this.#waiting = window.setInterval(() => {
      this.wait = Math.max(0, this.wait - 1)
      if (this.wait === 0) clearInterval(this.#waiting)
    }, 1000)
  }

  like() {
    this.#ownLikes++
    this.#tell({ kind: 'likes', count: 1 })
    this.#likes.tap()
  }

  async vote(poll: string, choices: number[]): Promise<boolean> {
    const done = await this.do({ type: 'vote', poll, choices })
    if (done) this.voted = { ...this.voted, [poll]: choices }
    return done
  }

  async setName(name: string): Promise<boolean> {
    this.#name = name
    remember('name', name)
    if (!this.connected) return true
    try {
      await this.#send({ type: 'rename', name })
      return true
    } catch (error) {
      const code = error instanceof Refusal ? error.code : 'other'
      if (code === 'not_allowed') this.#nameRefused()
      else toast(refusalText(code), 'bad')
      return false
    }
  }

  /** They stay without a name, and are asked for another when they want to be heard. */
  #nameRefused() {
    this.#name = ''
    remember('name', '')
    toast(t().prejoin.nameRefused, 'bad')
  }
}
