import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError, type ErrorCode } from '../api/client'
import { Entrance } from './entrance.svelte'

// How long is waited for what comes at once, beside much else.
const patience = { timeout: 60_000 }

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
/** What the server waits for before it lets somebody in, and before it says who may come in with which key; and what it refuses them with. */
const server = vi.hoisted(() => ({ join: Promise.resolve(), keys: Promise.resolve(), late: {} as Record<string, Promise<void>>, refuses: '', wrong: '' }))
vi.mock('../api/client', async (original) => ({
  ...(await original<object>()),
  api: {
    room: async () => ({ room: 'tea', title: 'Tea', exists: true, scene: 'room', access: 'link', live: { on: false } }),
    join: async (_: string, { name }: { name: string }, { key }: { key: string }) => {
      if (name !== '') await server.join
      else await server.late[key]
      const code = name !== '' ? server.refuses : key === server.wrong || (server.wrong !== '' && key === '') ? 'unauthorized' : ''
      if (code) throw new ApiError(code as ErrorCode, '')
      return { token: 't', url: 'u', identity: 'host-1', role: key === 'guest' ? 'guest' : 'host', room: 'tea' }
    },
    keys: async () => {
      await server.keys
      return { guest: 'g' }
    },
  },
}))

class Track extends EventTarget {
  readyState = 'live'
  constructor(readonly kind: string) {
    super()
  }
  getSettings() {
    return { deviceId: this.kind }
  }
  stop() {
    this.readyState = 'ended'
  }
}

/** A camera and a microphone. */
class Devices extends EventTarget {
  opened: Track[] = []
  get on() {
    return this.opened.filter(({ readyState }) => readyState === 'live').length
  }
  enumerateDevices = async () => []
  getUserMedia = async () => {
    const tracks = [new Track('video'), new Track('audio')]
    this.opened.push(...tracks)
    return { getTracks: () => tracks }
  }
}

const group = { room: 'tea~1', token: 'g', group: 1, name: 'One' } as Parameters<Entrance['move']>[0]
const main = { room: 'tea' } as Parameters<Entrance['move']>[0]

describe('the way into a room', () => {
  const address = { hash: '#k=h', origin: 'http://x' }
  let entrance: Entrance
  let devices: Devices
  const shown: string[] = []
  const settled = () => new Promise((resolve) => setTimeout(resolve))

  beforeEach(async () => {
    stays.length = shown.length = 0
    Object.assign(server, { join: Promise.resolve(), keys: Promise.resolve(), late: {}, refuses: '', wrong: '' })
    address.hash = '#k=h'
    devices = new Devices()
    const kept = new Map<string, string>()
    vi.stubGlobal('localStorage', { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value), removeItem: (key: string) => kept.delete(key) })
    vi.stubGlobal('location', address)
    vi.stubGlobal('history', { replaceState: (_: unknown, __: string, path: string) => shown.push(path) })
    vi.stubGlobal('navigator', { userAgent: '', mediaDevices: devices })
    vi.stubGlobal('window', { isSecureContext: true })
    vi.stubGlobal('RTCPeerConnection', class {})
    entrance = new Entrance('tea', async () => {})
    await entrance.knock()
    await settled()
  })
  afterEach(() => {
    entrance.close()
    vi.unstubAllGlobals()
  })

  it('leads in, and leaves the guests’ link in the address', async () => {
    await entrance.join('Ada', true)
    expect(stays).toMatchObject([{ room: 'tea', title: 'Tea', name: 'Ada', credential: { key: 'h' } }])
    expect(entrance).toMatchObject({ joining: false, session: { phase: 'connected' } })
    await vi.waitFor(() => expect(shown.at(-1)).toBe('/r/tea#k=g'), patience)
  })

  it('leaves no host’s key in the address while the guests’ is not known', async () => {
    server.keys = new Promise(() => {})
    await entrance.join('Ada', true)
    expect(shown).toEqual(['/r/tea'])
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
    await entrance.move(group)
    expect(entrance.away).toMatchObject({ room: 'tea~1', n: 1 })
    expect(stays[1]).toMatchObject({ room: 'tea~1', credential: { token: 'g' }, wish: { microphone: true, camera: true, turned: 'back' } })
    await entrance.move(main)
    expect(entrance.away).toBeUndefined()
    expect(stays[2]).toMatchObject({ room: 'tea', credential: { key: 'h' } })
  })
  it.each(['full', 'forbidden', 'expired'])('leaves no device on for whoever is turned away: %s', async (code) => {
    server.refuses = code
    expect(devices.on).toBe(2)
    await entrance.join('Ada', true)
    expect([entrance.refused, entrance.joining, devices.on]).toEqual([code === 'forbidden' ? 'wrongLink' : code, false, 0])
    await entrance.again()
    await settled()
    expect([entrance.refused, devices.on]).toEqual([undefined, 2])
  })

  it('leaves none on either for whoever comes with a link that is wrong', async () => {
    address.hash = '#k=' + (server.wrong = 'x')
    await entrance.anew()
    await settled()
    expect([entrance.refused, devices.on]).toEqual(['wrongLink', 0])
  })

  it('is tried again with the devices on, where the server does not answer', async () => {
    server.refuses = 'offline'
    await entrance.join('Ada', true)
    expect([entrance.trouble, entrance.refused, devices.on]).toEqual(['offline', undefined, 2])
  })

  it('can be given up while nothing comes of it, and be begun again', async () => {
    server.join = new Promise(() => {})
    void entrance.join('Ada', true)
    await settled()
    expect(entrance.joining).toBe(true)
    entrance.cancel()
    expect([entrance.joining, devices.on]).toEqual([false, 2])
    server.join = Promise.resolve()
    await entrance.join('Ada', true)
    expect([stays.length, entrance.joining, entrance.trouble, entrance.refused]).toEqual([1, false, undefined, undefined])
  })

  it('leads back in with all that was sent, from the camera that was turned to', async () => {
    await entrance.join('Ada', true)
    await entrance.again()
    expect(stays[1]).toMatchObject({ wish: { microphone: true, camera: true, turned: 'back' } })
    expect([entrance.comingBack, devices.opened.length]).toEqual([false, 2])
  })

  it('leads into the main room where there was no way back from a group', async () => {
    await entrance.join('Ada', true)
    await entrance.move(group)
    server.refuses = 'offline'
    await entrance.move(main)
    await settled()
    expect(entrance).toMatchObject({ trouble: 'offline', away: undefined, session: undefined, moving: false, comingBack: false })
    expect(devices.on).toBe(4) // of the preview, which was not handed over, and of a stay that is made up here
    server.refuses = ''
    await entrance.join('Ada', true)
    expect(stays.at(-1)).toMatchObject({ room: 'tea', credential: { key: 'h' } })
    expect(entrance.away).toBeUndefined()
  })

  it('leads back from a group by the front door, where the other was shut for a moment', async () => {
    await entrance.join('Ada', true)
    await entrance.move(group)
    let answer = () => {}
    server.join = new Promise((resolve) => (answer = resolve))
    server.refuses = 'unavailable'
    const moved = entrance.move(main)
    await settled()
    answer()
    server.join.then(() => (server.refuses = ''))
    await moved
    expect(stays.at(-1)).toMatchObject({ room: 'tea', wish: { microphone: true, camera: true, turned: 'back' } })
    expect(entrance).toMatchObject({ away: undefined, moving: false, trouble: undefined })
  })

  it('is that of the key that came last into the address', async () => {
    let answer = () => {}
    server.late = { guest: new Promise((resolve) => (answer = resolve)) }
    address.hash = '#k=guest'
    const first = entrance.anew()
    await settled()
    address.hash = '#k=host'
    await entrance.anew()
    answer()
    await first
    expect([entrance.credential.key, entrance.host]).toEqual(['host', true])
  })

  it('is begun anew by another key also while it is taken', async () => {
    let letIn = () => {}
    server.join = new Promise((resolve) => (letIn = resolve))
    const joining = entrance.join('Ada', true)
    address.hash = '#k=guest'
    await entrance.anew()
    letIn()
    await joining
    await settled()
    expect([stays, entrance.joining, entrance.credential.key, devices.on]).toEqual([[], false, 'guest', 2])
  })

  it('leaves in the address what may be shared, whatever comes into it meanwhile', async () => {
    for (const [key, shared] of [['guest', 'guest'], ['h', 'g']]) {
      shown.length = 0
      address.hash = '#k=' + key
      await entrance.anew()
      entrance.keepAddress()
      expect(shown).toEqual([])
      await entrance.join('Ada', true)
      await settled()
      entrance.keepAddress()
      expect(shown.slice(-2)).toEqual(['/r/tea#k=' + shared, '/r/tea#k=' + shared])
    }
  })
})
