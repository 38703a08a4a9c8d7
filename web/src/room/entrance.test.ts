import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Entrance } from './entrance.svelte'

const stays = vi.hoisted(() => [] as Record<string, unknown>[])
vi.mock('./session.svelte', () => ({
  RoomSession: class {
    phase = 'connected'
    sent = { microphone: true, camera: true, turned: 'back' }
    constructor(entry: Record<string, unknown>) {
      stays.push(entry)
    }
    async leave() {
      this.phase = 'over'
    }
  },
}))
const server = vi.hoisted(() => ({ join: Promise.resolve() }))
vi.mock('../api/client', async (original) => ({
  ...(await original<object>()),
  api: {
    room: async () => ({ room: 'tea', title: 'Tea', exists: true, scene: 'room', access: 'link', live: { on: false } }),
    join: async (_: string, { name }: { name: string }) => {
      if (name !== '') await server.join
      return { token: 't', url: 'u', identity: 'host-1', role: 'host', room: 'tea' }
    },
    keys: async () => ({ guest: 'g' }),
  },
}))

describe('the way into a room', () => {
  const address = { hash: '#k=h', origin: 'http://x' }
  let entrance: Entrance
  const shown: string[] = []

  beforeEach(async () => {
    stays.length = shown.length = 0
    server.join = Promise.resolve()
    vi.stubGlobal('localStorage', { getItem: () => null, setItem() {}, removeItem() {} })
    vi.stubGlobal('location', address)
    vi.stubGlobal('history', { replaceState: (_: unknown, __: string, path: string) => shown.push(path) })
    vi.stubGlobal('navigator', { userAgent: '' })
    vi.stubGlobal('window', {})
    entrance = new Entrance('tea', async () => {})
    await entrance.knock()
  })
  afterEach(() => {
    entrance.close()
    vi.unstubAllGlobals()
  })

  it('leads in, and leaves the guests’ link in the address', async () => {
    await entrance.join('Ada', true)
    expect(stays).toMatchObject([{ room: 'tea', title: 'Tea', name: 'Ada', credential: { key: 'h' } }])
    expect(entrance).toMatchObject({ joining: false, session: { phase: 'connected' } })
    await vi.waitFor(() => expect(shown).toEqual(['/r/tea#k=g']))
  })

  it('leads nowhere for somebody who went back while they were let in', async () => {
    let letIn = () => {}
    server.join = new Promise((resolve) => (letIn = resolve))
    const joining = entrance.join('Ada', true)
    entrance.close()
    letIn()
    await joining
    expect(stays).toEqual([])
    expect(shown).toEqual([])
  })

  it('leads into a group with all that was sent, and back', async () => {
    await entrance.join('Ada', true)
    await entrance.move({ room: 'tea~1', token: 'g', group: 1, name: 'One' } as Parameters<Entrance['move']>[0])
    expect(entrance.away).toMatchObject({ room: 'tea~1', n: 1 })
    expect(stays[1]).toMatchObject({ room: 'tea~1', credential: { token: 'g' }, wish: { microphone: true, camera: true, turned: 'back' } })
    await entrance.move({ room: 'tea' } as Parameters<Entrance['move']>[0])
    expect(entrance.away).toBeUndefined()
    expect(stays[2]).toMatchObject({ room: 'tea', credential: { key: 'h' } })
  })
})
