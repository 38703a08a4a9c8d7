import { Track, type Room } from 'livekit-client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { t } from '../i18n/index.svelte'
import { remember } from '../remember'
import { toasts } from '../ui/toasts.svelte'
import { Sending, type Tracks, type Wish } from './sending.svelte'
import type { RoomView } from './view'

/** What livekit-client is asked for, in the place of its own participant. */
class Participant {
  asked: unknown[] = []
  published: MediaStreamTrack[] = []
  refuses: Partial<Record<'microphone' | 'camera', string>> = {}
  camera: unknown
  isMicrophoneEnabled = false
  isCameraEnabled = false
  isScreenShareEnabled = false
  connectionQuality = 'good'
  trackPublications = new Map()

  getTrackPublication(source: Track.Source) {
    return source === Track.Source.Camera ? { track: this.camera } : undefined
  }
  setMicrophoneEnabled(on: boolean, wish: object | undefined) {
    return this.#take('microphone', on, wish)
  }
  setCameraEnabled(on: boolean, wish: object | undefined) {
    return this.#take('camera', on, wish)
  }
  async publishTrack({ mediaStreamTrack }: { mediaStreamTrack: MediaStreamTrack }) {
    this.published.push(mediaStreamTrack)
  }
  async #take(what: 'microphone' | 'camera', on: boolean, wish: object | undefined) {
    this.asked.push([what, on, ...(wish ? [(wish as { deviceId?: unknown }).deviceId] : [])])
    if (this.refuses[what]) throw new DOMException('', this.refuses[what])
  }
}

const both: Wish = { microphone: true, camera: true }

describe('what is sent into a room', () => {
  let me: Participant

  beforeEach(() => {
    me = new Participant()
    stay.phase = 'connected'
    const kept = new Map<string, string>()
    vi.stubGlobal('localStorage', {
      getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value), removeItem: (key: string) => kept.delete(key),
    })
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.runAllTimers() // toasts go
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })

  const stay = { phase: 'connected' as RoomView['phase'], mayPublish: true, waits: false }
  function sending(wish?: Wish, previews: Tracks = {}) {
    const client = { localParticipant: me, switchActiveDevice: async () => true } as unknown as Room
    return new Sending(client, { previews, wish, music: false }, stay, () => {})
  }

  it('comes from the chosen devices again after the connection broke', async () => {
    remember('camera', 'usb-camera')
    remember('microphone', 'usb-microphone')
    await sending().sendAgain(both)
    expect(me.asked).toEqual([['microphone', true, { ideal: 'usb-microphone' }], ['camera', true, 'usb-camera']])
  })

  it('comes from any camera where none was chosen', async () => {
    remember('camera', 'off')
    await sending().sendAgain(both)
    expect(me.asked[1]).toEqual(['camera', true])
  })

  it('comes from the camera that was turned to, also in another room, until another is chosen', async () => {
    remember('camera', 'front')
    let id = 'front'
    const track = { getSettings: () => ({ deviceId: id, facingMode: id === 'front' ? 'user' : 'environment' }), addEventListener() {} } as unknown as MediaStreamTrack
    vi.stubGlobal('navigator', { mediaDevices: { enumerateDevices: async () => [{ kind: 'videoinput' }, { kind: 'videoinput' }] } })
    const here = sending()
    const { LocalVideoTrack } = await import('livekit-client')
    me.camera = Object.assign(Object.create(LocalVideoTrack.prototype) as object, { restartTrack: async () => (id = 'back') })
    Object.defineProperty(me.camera, 'mediaStreamTrack', { value: track })
    here.look()
    await vi.advanceTimersByTimeAsync(0)
    await here.turnCamera()
    me.camera = undefined
    await here.sendAgain(both)
    await sending(here.wish).sendAgain(both)
    expect(me.asked.filter((one) => (one as unknown[])[0] === 'camera')).toEqual([['camera', true, 'back'], ['camera', true, 'back']])
    await here.useDevice('videoinput', 'front')
    await here.toggleCamera()
    expect(me.asked.at(-1)).toEqual(['camera', true, 'front'])
  })

  it('is each of the two, where the other device fails, and it is said which', async () => {
    me.refuses = { microphone: 'NotFoundError' }
    const here = sending(both)
    await here.sendAgain(both)
    expect(me.asked).toContainEqual(['camera', true])
    expect(toasts().map(({ text }) => text)).toEqual([t().local.microphone.problem.missing])
    expect(here.me.busy).toMatchObject({ microphone: false, camera: false })
    me.refuses = { camera: 'NotReadableError' }
    await here.sendAgain(both)
    expect(toasts().at(-1)?.text).toBe(t().local.camera.problem.busy)
  })

  it('is nothing of whoever waits before the door, and all of it once they are let in', async () => {
    stay.waits = true
    const here = sending(both)
    await here.sendAgain(both)
    here.look()
    expect(me.asked).toEqual([])
    stay.waits = false
    await here.sendAgain(here.wish)
    expect(me.asked.map((one) => (one as unknown[])[0])).toEqual(['microphone', 'camera'])
  })

  it('is nothing of whoever leaves meanwhile', async () => {
    const sent = sending().sendAgain(both)
    stay.phase = 'over'
    await sent
    expect(me.asked).toEqual([['microphone', true, undefined]])
  })

  it('comes from another device where one was pulled out before joining', async () => {
    remember('microphone', 'headset')
    const track = { kind: 'audio', readyState: 'ended', stop() {}, addEventListener() {} } as unknown as MediaStreamTrack
    const here = sending(undefined, { audio: track })
    await here.sendPreviews()
    expect(me.published).toEqual([])
    expect(me.asked).toEqual([['microphone', true, { ideal: 'headset' }]])
    expect(here.me.busy.microphone).toBe(false)
  })
})
