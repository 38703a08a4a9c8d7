import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { RoomSession } from './session.svelte'

const wire = vi.hoisted(() => ({ waits: true, hear: {} as Record<string, (...what: unknown[]) => void>, published: [] as string[], opened: [] as string[] }))
vi.mock('livekit-client', async (original) => {
  class Room {
    engine = {}
    remoteParticipants = new Map()
    localParticipant = {
      isLocal: true, identity: 'ada', name: 'Ada', attributes: {}, trackPublications: new Map(), getTrackPublication: () => undefined, getTrackPublications: () => [],
      get permissions() {
        return { canPublish: true, canPublishData: true, hidden: wire.waits, canSubscribe: !wire.waits }
      },
      publishTrack: async ({ mediaStreamTrack }: { mediaStreamTrack: MediaStreamTrack }) => void wire.published.push(mediaStreamTrack.kind),
      setMicrophoneEnabled: async (on: boolean) => void wire.opened.push(`microphone ${on}`),
      setCameraEnabled: async (on: boolean) => void wire.opened.push(`camera ${on}`),
    }
    on(event: string, hear: () => void) {
      wire.hear[event] = hear
      return this
    }
    async connect() {}
    async disconnect() {}
  }
  class LocalAudioTrack {
    constructor(readonly mediaStreamTrack: MediaStreamTrack) {}
  }
  return { ...(await original<object>()), Room, LocalAudioTrack }
})
vi.mock('../api/client', async (original) => ({ ...(await original<object>()), api: { join: async () => ({ token: 't', url: 'u', role: 'guest' }) } }))
vi.mock('../api/status', () => ({ followStatus: () => () => {} }))
vi.mock('../stats/recorder.svelte', () => ({ StatsRecorder: class { start() {} stop() {} } }))
vi.mock('./codec', () => ({ publishCodec: () => 'vp8', sentCodec: () => 'vp8' }))
vi.mock('./figures', () => ({ RoomFigures: class {} }))

beforeEach(() => {
  Object.assign(wire, { waits: true, published: [], opened: [] })
  vi.useFakeTimers()
  vi.stubGlobal('document', { createElement: () => ({ remove() {}, replaceChildren() {} }), body: { append() {} } })
  vi.stubGlobal('window', { setInterval })
  vi.stubGlobal('navigator', {})
  vi.stubGlobal('localStorage', { getItem: () => null, setItem() {}, removeItem() {} })
  vi.stubGlobal('addEventListener', () => {})
  vi.stubGlobal('removeEventListener', () => {})
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

it('sends once what whoever is let in brought, also where that happened while the connection was away', async () => {
  for (const away of [false, true]) {
    Object.assign(wire, { waits: true, published: [], opened: [] })
    const audio = { kind: 'audio', readyState: 'live', stop() {} } as MediaStreamTrack
    const admission = { token: 't', url: 'u', role: 'guest', identity: 'ada', room: 'tea' } as never
    const session = new RoomSession({ room: 'tea', title: '', publicWatch: true, name: 'Ada', identity: 'i', credential: { key: '' }, admission, audio })
    await vi.advanceTimersByTimeAsync(10)
    expect([session.phase, session.waits, wire.published]).toEqual(['connected', true, []])
    wire.waits = false
    if (away) wire.hear['disconnected']!()
    else wire.hear['participantPermissionsChanged']!({}, { isLocal: true })
    await vi.advanceTimersByTimeAsync(1000)
    expect([session.phase, session.waits, wire.published, wire.opened]).toEqual(['connected', false, ['audio'], []])
    await session.leave()
  }
})
