import { parseMessage, type Credentials, type ErrorCode, type Incoming, type Joined, type Outgoing, type Resumed, type Visiting } from './protocol'

/** The part of a WebSocket that is used here. */
export interface Socket {
  readyState: number
  send(text: string): void
  close(code?: number, reason?: string): void
  onopen: ((event: never) => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number }) => void) | null
  onerror: ((event: never) => void) | null
}

export interface SignalOptions {
  url: string
  who: Credentials
  /** Enter at once, or look in first and be rung. */
  enter: 'join' | 'visit'
  open?: (url: string) => Socket
}

/** Why the server does not want this client any more; everything else is tried again. */
export type EndCode = Extract<ErrorCode, 'bad_name' | 'unauthorized' | 'forbidden' | 'expired' | 'full' | 'replaced' | 'rate_limited' | 'malformed' | 'not_allowed'>

const final = new Set<string>(['bad_name', 'unauthorized', 'forbidden', 'expired', 'full', 'replaced', 'rate_limited', 'not_allowed'])

const codeOfClose: Record<number, EndCode> = {
  4400: 'bad_name', 4401: 'unauthorized', 4403: 'forbidden', 4409: 'replaced', 4410: 'expired', 4429: 'rate_limited',
}

/** Seconds of silence after which a WebSocket counts as broken, and how often a sign of life is asked for. */
const silence = 25
const pingEvery = 10
const ackEvery = 32
const ackAfter = 4000
const defaultResumeWithin = 30
/** How long an attempt to connect may take. */
const attemptLimit = 8000

/**
 * The WebSocket to the call door. It numbers, acknowledges and repeats messages, resumes its session when the socket drops,
 * and enters anew when the session is gone. It ends with `leave`, `close`, or when the server refuses for good.
 */
export class CallSignal {
  onjoined: (message: Joined) => void = () => {}
  onvisiting: (message: Visiting) => void = () => {}
  onresumed: (message: Resumed) => void = () => {}
  onmessage: (message: Incoming) => void = () => {}
  /** Whether the server can be reached now. */
  onopen: (open: boolean) => void = () => {}
  onend: (code: EndCode) => void = () => {}
  onerror: (code: ErrorCode, of: string) => void = () => {}

  #options: Required<SignalOptions>
  #socket: Socket | undefined
  #entered = false
  #ended = false
  #enter: 'join' | 'visit'
  #session = ''
  #resumeWithin = defaultResumeWithin
  #droppedAt = 0
  #attempts = 0
  #sent = 0
  #unacked: (Outgoing & { seq: number })[] = []
  #received = 0
  #acked = 0
  #ackTimer: ReturnType<typeof setTimeout> | undefined
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  #attemptTimer: ReturnType<typeof setTimeout> | undefined
  #pulse: ReturnType<typeof setInterval> | undefined
  #heardAt = 0
  #lastError: ErrorCode | undefined

  constructor(options: SignalOptions) {
    this.#options = { open: (url) => new WebSocket(url) as unknown as Socket, ...options }
    this.#enter = options.enter
    this.#connect()
  }

  /** True while messages reach the server. */
  get open(): boolean {
    return this.#entered
  }

  /** Sends a numbered message, now or after the session was resumed. */
  send(message: Outgoing) {
    if (this.#ended) return
    const numbered = { ...message, seq: ++this.#sent }
    this.#unacked.push(numbered)
    if (message.type === 'accept') {
      this.#enter = 'join'
      this.#options.who = { ...this.#options.who, name: message.name }
    }
    if (this.#entered) this.#write(numbered)
  }

  /** Leaves the call and ends. */
  leave() {
    if (this.#entered) this.#write({ type: 'leave' })
    this.close()
  }

  close() {
    this.#ended = true
    this.#drop(1000)
    clearTimeout(this.#retryTimer)
  }

  /** Tries again at once, as the network has come back. */
  hurry() {
    if (this.#ended || this.#entered) return
    this.#attempts = 0
    if (this.#socket && this.#socket.readyState <= 1) return
    clearTimeout(this.#retryTimer)
    this.#connect()
  }

  /** The network has changed: the socket must show that it lives, or is given up. */
  probe() {
    if (!this.#entered) return this.hurry()
    this.#write({ type: 'ping' })
    const asked = Date.now()
    setTimeout(() => {
      if (this.#entered && this.#heardAt < asked) this.#broken()
    }, 3000)
  }

  #connect() {
    if (this.#ended) return
    const socket = this.#options.open(this.#options.url)
    this.#socket = socket
    this.#lastError = undefined
    clearTimeout(this.#attemptTimer)
    this.#attemptTimer = setTimeout(() => this.#broken(), attemptLimit)
    socket.onopen = () => {
      if (socket !== this.#socket) return
      this.#heardAt = Date.now()
      this.#write(this.#greeting())
    }
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket && typeof data === 'string') this.#read(data)
    }
    socket.onclose = ({ code }) => {
      if (socket === this.#socket) this.#closed(code)
    }
    socket.onerror = () => {}
  }

  #greeting(): object {
    const { name, key, identity } = this.#options.who
    const credential = key ? { key } : {}
    if (this.#session && Date.now() - this.#droppedAt < this.#resumeWithin * 1000) {
      return { type: 'resume', session: this.#session, seq: this.#received }
    }
    if (this.#session) this.#forget()
    return this.#enter === 'join'
      ? { type: 'join', name, ...credential, identity, room: true }
      : { type: 'visit', name, ...credential, identity }
  }

  /** A session that is gone takes its unacknowledged messages with it: they spoke of connections that are gone too. */
  #forget() {
    this.#session = ''
    this.#unacked = []
    this.#sent = this.#received = this.#acked = 0
  }

  #read(text: string) {
    this.#heardAt = Date.now()
    const message = parseMessage(text)
    if (!message) return
    switch (message.type) {
      case 'ping':
        this.#write({ type: 'pong' })
        return
      case 'pong':
        return
      case 'ack':
        this.#unacked = this.#unacked.filter((m) => m.seq > message.seq)
        return
      case 'joined':
      case 'visiting':
        if (message.session !== this.#session) {
          const mine = this.#unacked
          this.#forget()
          // What was sent before the answer came is numbered from the beginning.
          if (!this.#entered) for (const { seq: _, ...rest } of mine) this.#unacked.push({ ...rest, seq: ++this.#sent } as never)
        }
        this.#session = message.session
        this.#resumeWithin = message.resumeWithin || defaultResumeWithin
        if (message.type === 'joined') this.#enter = 'join'
        this.#ready()
        if (message.type === 'joined') this.onjoined(message)
        else this.onvisiting(message)
        return
      case 'resumed':
        this.#unacked = this.#unacked.filter((m) => m.seq > message.seq)
        this.#ready()
        this.onresumed(message)
        return
      case 'error':
        this.#refused(message.code, message.of ?? '')
        return
    }
    if (message.seq !== undefined && message.seq <= this.#received) return
    if (message.seq !== undefined) this.#received = message.seq
    this.onmessage(message)
    this.#acknowledge()
  }

  /** The server has let us in: what it has not acknowledged is sent again. */
  #ready() {
    clearTimeout(this.#attemptTimer)
    const first = !this.#entered
    this.#entered = true
    this.#attempts = 0
    if (first) {
      for (const message of this.#unacked) this.#write(message)
      clearInterval(this.#pulse)
      this.#pulse = setInterval(() => this.#beat(), pingEvery * 1000)
      this.onopen(true)
    }
  }

  #beat() {
    if (Date.now() - this.#heardAt > silence * 1000) this.#broken()
    else this.#write({ type: 'ping' })
  }

  #acknowledge() {
    if (this.#received - this.#acked >= ackEvery) {
      this.#ack()
    } else if (this.#received > this.#acked) {
      this.#ackTimer ??= setTimeout(() => this.#ack(), ackAfter)
    }
  }

  #ack() {
    clearTimeout(this.#ackTimer)
    this.#ackTimer = undefined
    if (!this.#entered || this.#received === this.#acked) return
    this.#acked = this.#received
    this.#write({ type: 'ack', seq: this.#received })
  }

  #refused(code: ErrorCode, of: string) {
    const session = of === 'resume' || (!this.#entered && this.#session !== '')
    if (session && (code === 'expired' || code === 'unknown')) {
      // The session is gone, not the call: enter anew.
      this.#forget()
      this.#lastError = 'unavailable'
      return
    }
    this.#lastError = code
    if (this.#entered || code === 'malformed') this.onerror(code, of)
  }

  #closed(code: number) {
    const why = this.#lastError ?? codeOfClose[code]
    if (why === 'expired' && this.#session !== '') {
      // The session is gone, not the call. If it was the token, entering anew says so.
      this.#forget()
      this.#broken()
      return
    }
    // Too many messages once is forgiven within a call; at the door it is said.
    if (why && final.has(why) && !(why === 'rate_limited' && this.#session !== '')) {
      this.#ended = true
      this.#drop(code)
      this.onend(why as EndCode)
      return
    }
    this.#broken()
  }

  #broken() {
    if (this.#ended) return
    this.#drop(1000)
    const delay = this.#attempts === 0 ? 100 : Math.min(500 * 1.6 ** this.#attempts, 5000)
    this.#attempts++
    clearTimeout(this.#retryTimer)
    this.#retryTimer = setTimeout(() => this.#connect(), delay)
  }

  #drop(code: number) {
    const socket = this.#socket
    this.#socket = undefined
    clearInterval(this.#pulse)
    clearTimeout(this.#ackTimer)
    clearTimeout(this.#attemptTimer)
    this.#ackTimer = undefined
    if (this.#entered) {
      this.#entered = false
      this.#droppedAt = Date.now()
      this.#acked = 0
      this.onopen(false)
    }
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null
      if (socket.readyState <= 1) socket.close(code === 1000 ? 1000 : undefined)
    }
  }

  #write(message: object) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message))
  }
}
