import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError } from '../api/client'
import { Entrance } from './entrance.svelte'
import type { CallSession } from './session.svelte'

/** The devices that were opened for calls, and whether they still are. */
const opened = vi.hoisted(() => [] as { on: boolean }[])
vi.mock('../media/local.svelte', () => ({
  LocalDevices: class {
    on = true
    constructor() {
      opened.push(this)
    }
    async setMicrophone() {}
    async setCamera() {}
    stop() {
      this.on = false
    }
  },
}))
vi.mock('./session.svelte', () => ({
  CallSession: class {
    phase = 'alone'
    constructor(readonly entry: { local: { stop(): void } }) {}
    async leave() {
      this.phase = 'over'
      this.entry.local.stop()
    }
  },
}))
/** What the server takes to say what it knows of the room, and which keys it has. */
const server = vi.hoisted(() => ({ room: Promise.resolve(), keys: Promise.resolve() }))
vi.mock('../api/client', async (original) => ({
  ...(await original<object>()),
  api: { room: async () => server.room.then(() => ({ room: 'tea' })), keys: async () => server.keys.then(() => ({ guest: 'g' })) },
}))

class Socket {
  static all: Socket[] = []
  readyState = 0
  sent: { type: string; key?: string }[] = []
  onopen = () => {}
  onmessage = (_: { data: string }) => {}
  onclose = (_: { code: number }) => {}
  constructor() {
    Socket.all.push(this)
  }
  send(text: string) {
    this.sent.push(JSON.parse(text) as { type: string })
  }
  close() {
    this.readyState = 3
  }
  open() {
    this.readyState = 1
    this.onopen()
  }
  say(message: object) {
    this.onmessage({ data: JSON.stringify(message) })
  }
  refuse(code: string) {
    this.say({ type: 'error', code })
    this.onclose({ code: 1000 })
  }
}

const visiting = { type: 'visiting', session: 's', you: 'me', role: 'guest', members: [], resumeWithin: 30 }
const joined = {
  type: 'joined', session: 's', you: 'me', name: 'Ada', room: 'tea', title: '', role: 'host', resumeWithin: 30, iceServers: [], members: [], visitors: [], path: { kind: 'alone' },
}

describe('the way into a call', () => {
  let entrance: Entrance
  let sessions: CallSession[]
  const door = () => Socket.all.at(-1)!
  const address = { origin: 'http://x', pathname: '/c/tea', hash: '#k=h' }

  beforeEach(async () => {
    vi.useFakeTimers()
    Socket.all = []
    server.room = server.keys = Promise.resolve()
    opened.length = 0
    sessions = []
    vi.stubGlobal('WebSocket', Socket)
    vi.stubGlobal('localStorage', { getItem: () => null, setItem() {}, removeItem() {} })
    vi.stubGlobal('sessionStorage', { getItem: () => null, setItem() {} })
    vi.stubGlobal('location', address)
    vi.stubGlobal('history', { replaceState: (_: unknown, __: string, path: string) => (address.hash = path.slice('/c/tea'.length)) })
    vi.stubGlobal('navigator', { userAgent: '' })
    vi.stubGlobal('window', {})
    address.hash = '#k=h'
    entrance = new Entrance('tea', (session) => sessions.push(session))
    await entrance.knock()
  })
  afterEach(() => {
    entrance.close()
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })

  /** Comes to the door and goes in, as far as that goes. */
  function join() {
    door().open()
    door().say(visiting)
    entrance.join('Ada', true)
  }

  it('leads in, with the guests’ link to be given on', async () => {
    join()
    door().say(joined)
    await vi.advanceTimersByTimeAsync(60_000)
    expect([entrance.session, entrance.joining, entrance.trouble]).toEqual([sessions[0], false, undefined])
    expect(entrance.address).toBe('/c/tea#k=g')
    expect(opened).toMatchObject([{ on: true }])
  })

  it.each(['full', 'replaced'])('leaves no device on where it ends at once: %s', (code) => {
    join()
    door().refuse(code)
    expect(entrance.over).toBeDefined()
    expect(opened).toMatchObject([{ on: false }])
  })

  it('leaves none on either where another key is tried, and prepares anew', async () => {
    join()
    door().refuse('forbidden')
    expect(opened).toMatchObject([{ on: false }])
    expect(entrance).toMatchObject({ step: 'looking', joining: false, over: undefined })
    door().open()
    expect(door().sent[0]).toEqual({ type: 'visit', name: '', identity: expect.any(String) as string })
    door().say(visiting)
    expect(entrance.step).toBe('prepare')
  })

  it('leaves none on for whoever gives up', async () => {
    join()
    entrance.again()
    await vi.advanceTimersByTimeAsync(0)
    expect(opened).toMatchObject([{ on: false }])
    expect(entrance).toMatchObject({ step: 'looking', joining: false })
    expect(Socket.all).toHaveLength(2)
  })

  it('says so where the door does not answer, and asks again when told to', async () => {
    await vi.advanceTimersByTimeAsync(14_000)
    expect(entrance.trouble).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1000)
    expect(entrance.trouble).toBe('unavailable')
    const asked = Socket.all.length
    await vi.advanceTimersByTimeAsync(60_000)
    expect(Socket.all).toHaveLength(asked)
    entrance.again()
    await vi.advanceTimersByTimeAsync(0)
    expect(entrance.trouble).toBeUndefined()
    door().open()
    door().say(visiting)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(entrance).toMatchObject({ step: 'prepare', trouble: undefined })
  })

  it('says so where nothing comes of joining either, and leaves no device on', async () => {
    join()
    await vi.advanceTimersByTimeAsync(15_000)
    expect(entrance.trouble).toBe('unavailable')
    expect(opened).toMatchObject([{ on: false }])
  })
  it('says so where the server does not answer at all', async () => {
    const asked = Socket.all.length
    server.room = Promise.reject(new ApiError('offline', ''))
    entrance.again()
    await vi.advanceTimersByTimeAsync(0)
    expect([Socket.all.length, entrance.trouble]).toEqual([asked, 'offline'])
  })

  it('leads nowhere for somebody who went back before the server answered', async () => {
    const asked = Socket.all.length
    let answer = () => {}
    server.room = new Promise((resolve) => (answer = resolve))
    entrance.again()
    entrance.close()
    answer()
    await vi.advanceTimersByTimeAsync(60_000)
    expect([Socket.all.length, entrance.trouble]).toEqual([asked, undefined])
  })

  it('has no more patience with a door that lets one look in first, and then says nothing', async () => {
    door().open()
    entrance.prepare() // as after a name that was refused
    entrance.join('Ada', true)
    door().say(visiting)
    await vi.advanceTimersByTimeAsync(15_000)
    expect(entrance.trouble).toBe('unavailable')
  })

  it('tries the best key first also where it was begun twice at once', async () => {
    entrance.again()
    address.hash = '#k=x'
    entrance.again()
    const asked = Socket.all.length
    await vi.advanceTimersByTimeAsync(0)
    expect(Socket.all).toHaveLength(asked + 1)
    door().open()
    expect(door().sent[0]).toMatchObject({ type: 'visit', key: 'x' })
  })

  it('leaves in the address what may be shared, whatever comes into it meanwhile', async () => {
    let answer = () => {}
    server.keys = new Promise((resolve) => (answer = resolve))
    join()
    door().say(joined)
    expect([entrance.address, address.hash]).toEqual(['/c/tea', ''])
    answer()
    await vi.advanceTimersByTimeAsync(0)
    address.hash = '#k=h'
    entrance.keepAddress()
    expect([entrance.address, address.hash]).toEqual(['/c/tea#k=g', '#k=g'])
  })
})
