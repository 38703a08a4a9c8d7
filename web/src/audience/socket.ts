import { eventsOf, Refusal, type AudienceRequest, type Hello, type ServerEvent } from './protocol'

/** The part of a WebSocket that is used, so that tests can stand in for it. */
export interface Wire {
  send(data: string): void
  close(): void
  onopen: (() => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: (() => void) | null
}

export interface Clock {
  now(): number
  after(milliseconds: number, run: () => void): () => void
}

export interface SocketOptions {
  open(): Wire
  /** Asked anew for each connection, since names and keys change. */
  hello(): Hello
  heard(events: ServerEvent[]): void
  /** Whether the channel is open; told on each change. */
  changed(connected: boolean): void
  clock?: Clock
  random?: () => number
}

const realClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds)
    return () => clearTimeout(timer)
  },
}

const minDelay = 500
const maxDelay = 15_000
/** How long an answer may take, in milliseconds. */
const patience = 10_000
/** After a silence of so many heartbeats the server is asked whether it is there; after so many the connection is gone. */
const doubted = 1.2
const missed = 1.5
const defaultHeartbeat = 10

interface Waiting {
  done(answer: Record<string, unknown>): void
  failed(error: Refusal): void
  cancel(): void
}

/**
 * One audience channel for as long as a page wants it: says hello, gives out what the server tells, numbers requests and waits for their
 * answers, and comes back by itself with growing, scattered delays. Each new connection begins with a welcome that tells everything anew.
 */
export class AudienceSocket {
  #options: SocketOptions
  #clock: Clock
  #random: () => number
  #wire: Wire | undefined
  #connected = false
  #ended = false
  #delay = minDelay
  #heartbeat = defaultHeartbeat
  #next = 1
  #waiting = new Map<number, Waiting>()
  /** What was asked for before the first welcome: a page that has just opened can be used at once. */
  #early: (() => void)[] | undefined = []
  #cancelRetry = () => {}
  #cancelSilence = () => {}
  #cancelDoubt = () => {}

  constructor(options: SocketOptions) {
    this.#options = options
    this.#clock = options.clock ?? realClock
    this.#random = options.random ?? Math.random
    this.#connect()
  }

  get connected(): boolean {
    return this.#connected
  }

  /** Sends a request and waits for its answer. Rejects with a Refusal: the server's, or "offline" when there is no answer. Before the first welcome it is sent with that, if it is still waited for. */
  request(request: AudienceRequest): Promise<Record<string, unknown>> {
    const wire = this.#wire
    if (!wire || (!this.#connected && !this.#early)) return Promise.reject(new Refusal('offline', 'not connected'))
    const id = this.#next++
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(patience, () => {
        this.#waiting.delete(id)
        reject(new Refusal('offline', 'no answer'))
      })
      this.#waiting.set(id, { done: resolve, failed: reject, cancel })
      const send = () => {
        if (this.#waiting.has(id)) wire.send(JSON.stringify({ id, ...request }))
      }
      if (this.#connected) send()
      else this.#early?.push(send)
    })
  }

  /** Tries again at once: the network or the page came back. */
  wake() {
    if (this.#ended || this.#wire) return
    this.#delay = minDelay
    this.#cancelRetry()
    this.#connect()
  }

  close() {
    this.#ended = true
    this.#cancelRetry()
    this.#drop()
  }

  #connect() {
    let wire: Wire
    try {
      wire = this.#options.open()
    } catch {
      this.#again()
      return
    }
    this.#wire = wire
    this.#listen()
    wire.onopen = () => wire.send(JSON.stringify(this.#options.hello()))
    wire.onmessage = ({ data }) => {
      if (wire === this.#wire && typeof data === 'string') this.#hear(data)
    }
    wire.onclose = () => {
      if (wire !== this.#wire) return
      this.#drop()
      this.#again()
    }
  }

  /**
   * Waits for a sign of life; without one the connection is given up and made anew: a network that goes away silently closes nothing. Who has just
   * been asked answers at once, so that a server that is late with its heartbeat loses nobody. To its pings a browser answers by itself.
   */
  #listen() {
    this.#cancelDoubt()
    this.#cancelDoubt = this.#clock.after(this.#heartbeat * doubted * 1000, () => {
      if (this.#connected) this.#wire?.send('{"type":"ping"}')
    })
    this.#cancelSilence()
    this.#cancelSilence = this.#clock.after(this.#heartbeat * missed * 1000, () => {
      this.#drop()
      this.#again()
    })
  }

  #hear(data: string) {
    this.#listen()
    const events = eventsOf(data)
    const news: ServerEvent[] = []
    for (const event of events) {
      if (event.type === 'ok' || event.type === 'error') {
        this.#answer(event)
        // An error without a number refuses the hello: nothing but trying later, or another name, helps.
        if (event.type === 'error' && event.id === undefined) {
          this.#delay = event.code === 'not_allowed' ? minDelay : maxDelay
          news.push(event)
        }
        continue
      }
      if (event.type === 'welcome') this.#welcomed(event.heartbeat)
      // A restart is over soon, and whoever has the page open too often needs no more of it; all else takes its time.
      if (event.type === 'banned' || (event.type === 'bye' && event.reason !== 'shutdown')) this.#delay = maxDelay
      if (event.type === 'bye' && event.reason === 'replaced') this.#ended = true
      news.push(event)
    }
    if (news.length > 0) this.#options.heard(news)
  }

  #welcomed(heartbeat: number) {
    this.#heartbeat = heartbeat > 0 ? heartbeat : defaultHeartbeat
    this.#delay = minDelay
    this.#listen()
    if (this.#connected) return
    this.#connected = true
    this.#early?.forEach((send) => send())
    this.#early = undefined
    this.#options.changed(true)
  }

  #answer(event: Extract<ServerEvent, { type: 'ok' | 'error' }>) {
    if (event.id === undefined) return
    const waiting = this.#waiting.get(event.id)
    if (!waiting) return
    this.#waiting.delete(event.id)
    waiting.cancel()
    if (event.type === 'ok') waiting.done(event)
    else waiting.failed(new Refusal(event.code, event.message, event.wait))
  }

  #drop() {
    const wire = this.#wire
    this.#wire = undefined
    this.#cancelSilence()
    this.#cancelDoubt()
    if (wire) {
      wire.onopen = wire.onmessage = wire.onclose = null
      wire.close()
    }
    for (const waiting of this.#waiting.values()) {
      waiting.cancel()
      waiting.failed(new Refusal('offline', 'the connection broke'))
    }
    this.#waiting.clear()
    if (this.#early) this.#early = []
    if (!this.#connected) return
    this.#connected = false
    this.#options.changed(false)
  }

  /** Tries later; thousands who lost the same server come back scattered. */
  #again() {
    if (this.#ended) return
    this.#cancelRetry()
    this.#cancelRetry = this.#clock.after(this.#delay * (0.5 + this.#random()), () => this.#connect())
    this.#delay = Math.min(this.#delay * 2, maxDelay)
  }
}
