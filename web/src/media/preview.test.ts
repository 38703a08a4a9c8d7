import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Preview } from './preview.svelte'

type Device = Pick<MediaDeviceInfo, 'kind' | 'deviceId' | 'label'>

class Track extends EventTarget {
  readyState = 'live'
  stopped = false
  constructor(readonly device: Device) {
    super()
  }
  get kind() {
    return this.device.kind === 'audioinput' ? 'audio' : 'video'
  }
  getSettings() {
    return { deviceId: this.device.deviceId }
  }
  stop() {
    this.readyState = 'ended'
    this.stopped = true
  }
  end() {
    this.readyState = 'ended'
    this.dispatchEvent(new Event('ended'))
  }
}

const camera: Device = { kind: 'videoinput', deviceId: 'camera', label: 'Camera' }
const headset: Device = { kind: 'audioinput', deviceId: 'headset', label: 'Headset' }
const builtIn: Device = { kind: 'audioinput', deviceId: 'built-in', label: 'Built in' }

/** What is plugged into a computer. */
class Plugged extends EventTarget {
  list: Device[] = []
  opened: Track[] = []
  enumerateDevices = async () => this.list
  getUserMedia = async ({ video, audio }: { video?: unknown; audio?: { deviceId?: { ideal: string } } | false }) => {
    const tracks = [...(video ? [this.#open('videoinput')] : []), ...(audio ? [this.#open('audioinput', audio.deviceId?.ideal)] : [])]
    this.opened.push(...tracks)
    return { getTracks: () => tracks }
  }
  #open(kind: MediaDeviceKind, wish = '') {
    const those = this.list.filter((device) => device.kind === kind)
    const device = those.find(({ deviceId }) => deviceId === wish) ?? those[0]
    if (!device) throw new DOMException('', 'NotFoundError')
    return new Track(device)
  }
  change(...list: Device[]) {
    this.list = list
    this.dispatchEvent(new Event('devicechange'))
  }
}

describe('the preview', () => {
  let plugged: Plugged
  let preview: Preview
  const microphone = () => (preview.audio as unknown as Track | undefined)?.device.deviceId
  const settled = () => new Promise((resolve) => setTimeout(resolve))

  beforeEach(async () => {
    plugged = new Plugged()
    plugged.list = [camera, headset, builtIn]
    vi.stubGlobal('window', { isSecureContext: true })
    vi.stubGlobal('RTCPeerConnection', class {})
    vi.stubGlobal('navigator', { userAgent: '', mediaDevices: plugged })
    vi.stubGlobal('localStorage', { getItem: () => null, setItem() {}, removeItem() {} })
    preview = new Preview()
    preview.microphone = 'headset'
    await preview.start()
  })
  afterEach(() => {
    preview.stop()
    vi.unstubAllGlobals()
  })

  it('takes another microphone when its own is pulled out, and its own again when that is back', async () => {
    expect(microphone()).toBe('headset')
    plugged.list = [camera, builtIn]
    ;(preview.audio as unknown as Track).end()
    await settled()
    expect(microphone()).toBe('built-in')
    plugged.change(camera, builtIn, headset)
    await settled()
    expect(microphone()).toBe('headset')
    expect(plugged.opened.filter(({ readyState }) => readyState === 'live')).toHaveLength(2)
  })

  it('says that there is none when the last one is pulled out, also where the track does not end by itself', async () => {
    plugged.change(camera)
    await settled()
    expect(preview.audio).toBeUndefined()
    expect(preview.audioProblem).toBe('missing')
    expect(preview.video).toBeDefined()
    plugged.change(camera, builtIn)
    await settled()
    expect(microphone()).toBe('built-in')
    expect(preview.audioProblem).toBeUndefined()
  })

  it('lets its devices be when something else is plugged in', async () => {
    const { video, audio } = preview
    plugged.change(camera, headset, builtIn, { kind: 'videoinput', deviceId: 'other', label: 'Other' })
    await settled()
    expect(preview.cameras).toHaveLength(2)
    expect([preview.video, preview.audio]).toEqual([video, audio])
  })

  it('opens nothing any more once its tracks were given away', async () => {
    const given = preview.handOver()
    const opened = plugged.opened.length
    plugged.list = [camera]
    ;(given.audio as unknown as Track).end()
    plugged.change(camera)
    await settled()
    expect(plugged.opened).toHaveLength(opened)
    expect(preview.audio).toBeUndefined()
    expect((given.video as unknown as Track).stopped).toBe(false)
  })
})
