import { describe, expect, it } from 'vitest'
import { LikeCounter } from './likes'
import type { Refusal, ServerEvent } from './protocol'
import { AudienceSocket, type Wire } from './socket'

/** Time that goes on when told, and wires that tell what was sent. */
class World {
  time = 0
  wires: (Wire & { sent: Record<string, unknown>[]; closed: boolean })[] = []
  events: ServerEvent[] = []
  connected: boolean[] = []
  #timers: { at: number; run: () => void }[] = []

  clock = {
    now: () => this.time,
    after: (milliseconds: number, run: () => void) => {
      const timer = { at: this.time + milliseconds, run }
      this.#timers.push(timer)
      return () => void (this.#timers = this.#timers.filter((entry) => entry !== timer))
    },
  }

  pass(milliseconds: number) {
    const end = this.time + milliseconds
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#timers = this.#timers.filter((entry) => entry !== next)
      this.time = next.at
      next.run()
    }
    this.time = end
  }

  get wire() {
    return this.wires.at(-1)!
  }

  socket() {
    return new AudienceSocket({
      open: () => {
        const sent: Record<string, unknown>[] = []
        const wire = {
          sent, closed: false, send: (data: string) => void sent.push(JSON.parse(data)), close: () => (wire.closed = true),
          onopen: null, onmessage: null, onclose: null,
        } as World['wire']
        this.wires.push(wire)
        return wire
      },
      hello: () => ({ type: 'hello', name: 'Mei' }),
      heard: (events) => this.events.push(...events),
      changed: (connected) => this.connected.push(connected),
      clock: this.clock,
      random: () => 0.5,
    })
  }

  say(...events: unknown[]) {
    this.wire.onmessage!({ data: JSON.stringify(events) })
  }

  open() {
    const socket = this.socket()
    this.wire.onopen!()
    this.say({ type: 'welcome', heartbeat: 10 })
    return socket
  }
}

describe('the audience channel', () => {
  it('says hello, then answers requests by their number', async () => {
    const world = new World()
    const socket = world.open()
    expect(world.wire.sent[0]).toEqual({ type: 'hello', name: 'Mei' })
    expect(world.connected).toEqual([true])
    const first = socket.request({ type: 'raise' })
    const second = socket.request({ type: 'chat', text: 'hi' }).catch((error: Refusal) => error.code)
    world.say({ type: 'error', id: 2, code: 'slow', message: '' }, { type: 'ok', id: 1, position: 3 })
    expect((await first).position).toBe(3)
    expect(await second).toBe('slow')
  })

  it('refuses while it is not connected, and what was not answered when it breaks', async () => {
    const world = new World()
    const socket = world.open()
    const open = socket.request({ type: 'lower' }).catch((error: Refusal) => error.code)
    world.wire.onclose!()
    expect(await open).toBe('offline')
    expect(world.connected).toEqual([true, false])
    expect(await socket.request({ type: 'lower' }).catch((error: Refusal) => error.code)).toBe('offline')
  })

  it('sends with the first welcome what was asked for before it, and forgets it when there is none', async () => {
    const world = new World()
    const socket = world.socket()
    const lost = socket.request({ type: 'raise' }).catch((error: Refusal) => error.code)
    world.wire.onclose!()
    expect(await lost).toBe('offline')
    world.pass(5000)
    world.wire.onopen!()
    const early = socket.request({ type: 'lower' })
    expect(world.wire.sent).toEqual([{ type: 'hello', name: 'Mei' }])
    world.say({ type: 'welcome', heartbeat: 10 })
    const [, request] = world.wire.sent
    expect(request).toMatchObject({ type: 'lower' })
    world.say({ type: 'ok', id: request!.id })
    await early
    expect(world.wire.sent).toHaveLength(2)
  })

  it('sends nothing with the first welcome that was given up before it', async () => {
    const world = new World()
    const socket = world.socket()
    world.wire.onopen!()
    const late = socket.request({ type: 'raise' }).catch((error: Refusal) => error.code)
    world.pass(10_000)
    expect(await late).toBe('offline')
    world.say({ type: 'welcome', heartbeat: 10 })
    expect(world.wire.sent).toEqual([{ type: 'hello', name: 'Mei' }])
  })

  it('comes back soon without a name that is not taken, and late where nothing else would help', () => {
    for (const [code, wires] of [['not_allowed', 2], ['forbidden', 1]] as const) {
      const world = new World()
      world.socket()
      world.wire.onopen!()
      world.say({ type: 'error', of: 'hello', code, message: '' })
      expect(world.events).toMatchObject([{ type: 'error', code }])
      world.wire.onclose!()
      world.pass(2000)
      expect(world.wires).toHaveLength(wires)
    }
  })

  it('comes back with growing delays, and from the start after a welcome', () => {
    const world = new World()
    world.open()
    const gaps: number[] = []
    for (let i = 0; i < 7; i++) {
      const [at, count] = [world.time, world.wires.length]
      world.wire.onclose!()
      while (world.wires.length === count) world.pass(100)
      gaps.push(world.time - at)
    }
    expect(gaps).toEqual([500, 1000, 2000, 4000, 8000, 15000, 15000])
    world.wire.onopen!()
    world.say({ type: 'welcome', heartbeat: 10 })
    world.wire.onclose!()
    const count = world.wires.length
    world.pass(500)
    expect(world.wires.length).toBe(count + 1)
  })

  it('tries at once when woken', () => {
    const world = new World()
    const socket = world.open()
    world.wire.onclose!()
    socket.wake()
    expect(world.wires).toHaveLength(2)
    world.pass(60)
    expect(world.wires).toHaveLength(2)
  })

  it('asks after a silence, and takes a longer one for a broken connection', () => {
    const world = new World()
    world.open()
    const pings = () => world.wire.sent.filter(({ type }) => type === 'ping').length
    world.pass(11_900)
    world.say()
    world.pass(11_900)
    expect(pings()).toBe(0)
    world.pass(100)
    expect(pings()).toBe(1)
    world.say({ type: 'ok' })
    world.pass(14_900)
    expect([pings(), world.wires.length]).toEqual([2, 1])
    world.pass(100)
    expect(world.wires[0]!.closed).toBe(true)
    expect(world.connected).toEqual([true, false])
    world.pass(500)
    expect(world.wires).toHaveLength(2)
  })

  it('stays closed', () => {
    const world = new World()
    world.open().close()
    world.pass(60_000)
    expect(world.wires).toHaveLength(1)
  })

  it('is not led astray by what it cannot read', () => {
    const world = new World()
    world.open()
    for (const data of ['nonsense', '{}', '[1, null, {"type": 5}]']) world.wire.onmessage!({ data })
    expect(world.events.map(({ type }) => type)).toEqual(['welcome'])
  })
})

describe('likes', () => {
  it('go out at once and then at most once a second, added up', () => {
    const world = new World()
    const sent: [number, number][] = []
    const likes = new LikeCounter((count) => sent.push([world.time, count]), world.clock)
    likes.tap()
    for (let i = 0; i < 30; i++) {
      world.pass(50)
      likes.tap()
    }
    world.pass(5000)
    likes.tap()
    expect(sent).toEqual([[0, 1], [1000, 19], [2000, 11], [6500, 1]])
  })
})
