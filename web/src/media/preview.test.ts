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

  it('lets the microphone be where there is no camera and something else comes and goes', async () => {
    plugged.list = [headset, builtIn]
    await preview.start()
    expect(preview.videoProblem).toBe('missing')
    const { audio } = preview
    plugged.change(headset, builtIn, { kind: 'audiooutput', deviceId: 'screen', label: 'Screen' })
    await settled()
    expect([preview.audio, preview.speakers.length]).toEqual([audio, 1])
    plugged.change(headset, builtIn)
    await settled()
    expect(preview.audio).toBe(audio)
  })

  it('takes a camera that comes where none was, also while it starts and where the browser does not name it yet', async () => {
    for (const early of [false, true]) {
      plugged.list = [headset]
      const started = preview.start()
      if (!early) await started
      plugged.change(headset, early ? camera : { ...camera, deviceId: '' })
      await started
      await settled()
      expect([preview.video?.kind, preview.videoProblem, microphone()]).toEqual(['video', undefined, 'headset'])
    }
  })

  it('comes to rest where opening a device is itself a change of devices', async () => {
    plugged.list = [headset]
    let asked = 0
    const open = plugged.getUserMedia
    plugged.getUserMedia = async (wish) => {
      if (++asked < 50) setTimeout(() => plugged.dispatchEvent(new Event('devicechange')))
      return open(wish)
    }
    await preview.start()
    for (let i = 0; i < 20; i++) await settled()
    expect([asked, microphone(), preview.videoProblem]).toEqual([3, 'headset', 'missing'])
  })

  it('gives up a device that ends each time it is opened, and not the others', async () => {
    let ends = true
    const open = plugged.getUserMedia
    plugged.getUserMedia = async (wish) => {
      const stream = await open(wish)
      const video = stream.getTracks().find(({ kind }) => kind === 'video')
      if (ends && plugged.opened.length < 50) setTimeout(() => video?.readyState === 'live' && video.end())
      return stream
    }
    await preview.start()
    for (let i = 0; i < 20; i++) await settled()
    expect([preview.video, preview.videoProblem, microphone(), preview.starting]).toEqual([undefined, 'failed', 'headset', false])
    expect(plugged.opened.filter(({ readyState }) => readyState === 'live')).toEqual([preview.audio])
    ends = false
    await preview.start()
    expect(preview.video).toBeDefined()
  })

  it('takes another microphone each time that a loose plug is out', async () => {
    for (let i = 0; i < 3; i++) {
      plugged.list = [camera, builtIn]
      ;(preview.audio as unknown as Track).end()
      await settled()
      expect([microphone(), preview.audioProblem]).toEqual(['built-in', undefined])
      plugged.change(camera, builtIn, headset)
      await settled()
      expect(microphone()).toBe('headset')
    }
  })

  it('takes another microphone for one that ends each time it is opened, and says what is there where there is none', async () => {
    const open = plugged.getUserMedia
    plugged.getUserMedia = async (wish) => {
      const stream = await open(wish)
      const audio = stream.getTracks().find(({ device }) => device === headset)
      if (plugged.opened.length < 50) setTimeout(() => audio?.readyState === 'live' && audio.end())
      return stream
    }
    await preview.start()
    for (let i = 0; i < 20; i++) await settled()
    expect([microphone(), preview.audioProblem, preview.starting]).toEqual(['built-in', undefined, false])
    expect(plugged.opened.length).toBeLessThan(12)
    for (const [left, problem] of [[[camera, headset], 'failed'], [[camera], 'missing']] as const) {
      await preview.start()
      plugged.list = [...left]
      for (let i = 0; i < 20; i++) await settled()
      if (problem === 'missing') (preview.audio as unknown as Track | undefined)?.end()
      for (let i = 0; i < 20; i++) await settled()
      expect([preview.audio, preview.audioProblem]).toEqual([undefined, problem])
    }
  })

  it('takes another for a device that ended before it was shown', async () => {
    const open = plugged.getUserMedia
    plugged.getUserMedia = async (wish) => {
      const stream = await open(wish)
      plugged.getUserMedia = open
      stream.getTracks().find(({ kind }) => kind === 'audio')!.readyState = 'ended'
      return stream
    }
    await preview.start()
    await settled()
    expect(preview.audio?.readyState).toBe('live')
  })

  it('is starting for as long as it starts, also where it began anew meanwhile', async () => {
    let list = () => {}
    let open = () => {}
    plugged.enumerateDevices = () => new Promise((resolve) => (list = () => resolve(plugged.list)))
    let ready = false
    const first = preview.start().then(() => (ready = true))
    await settled()
    const real = plugged.getUserMedia
    plugged.getUserMedia = (wish) => new Promise((resolve) => (open = () => resolve(real(wish))))
    ;(preview.audio as unknown as Track).end()
    list()
    await settled()
    expect([preview.audio, preview.starting, ready]).toEqual([undefined, true, false])
    open()
    await settled()
    list()
    await first
    expect([microphone(), preview.starting]).toEqual(['headset', false])
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
