import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LocalDevices } from './local.svelte'

// How long is waited for what comes at once, beside much else.
const patience = { timeout: 60_000 }

/** A track whose device went before anybody in the call had it. */
function ended(kind: 'audio' | 'video'): MediaStreamTrack {
  return { kind, enabled: true, readyState: 'ended', label: 'Gone', getSettings: () => ({ deviceId: 'gone' }), applyConstraints: async () => {}, addEventListener() {}, stop() {} } as unknown as MediaStreamTrack
}

class Track extends EventTarget {
  kind = 'audio'
  enabled = true
  readyState = 'live'
  constructor(readonly label: string) {
    super()
  }
  getSettings() {
    return { deviceId: this.label }
  }
  stop() {
    this.readyState = 'ended'
  }
  end() {
    this.readyState = 'ended'
    this.dispatchEvent(new Event('ended'))
  }
}

describe('microphones that end by themselves', () => {
  class Plugged extends EventTarget {
    list: string[] = []
    opened: string[] = []
    ends = new Set<string>()
    enumerateDevices = async () => this.list.map((deviceId) => ({ kind: 'audioinput', deviceId }))
    getUserMedia = async ({ audio }: { audio: { deviceId?: { exact?: string; ideal?: string } } }) => {
      const wish = audio.deviceId?.exact ?? audio.deviceId?.ideal ?? this.list[0]!
      if (!this.list.includes(wish)) throw new DOMException('', 'OverconstrainedError')
      const track = new Track(wish)
      this.opened.push(wish)
      if (this.ends.has(wish) && this.opened.length < 50) setTimeout(() => track.readyState === 'live' && track.end())
      setTimeout(() => this.dispatchEvent(new Event('devicechange'))) // as in WebKit
      return { getTracks: () => [track] }
    }
  }
  let plugged: Plugged
  let local: LocalDevices
  const settled = async () => {
    for (let i = 0; i < 30; i++) await new Promise((resolve) => setTimeout(resolve))
  }

  beforeEach(() => {
    plugged = new Plugged()
    vi.stubGlobal('window', { isSecureContext: true })
    vi.stubGlobal('RTCPeerConnection', class {})
    vi.stubGlobal('localStorage', { getItem: () => null, setItem() {}, removeItem() {} })
    vi.stubGlobal('navigator', { userAgent: '', mediaDevices: plugged })
    local = new LocalDevices({})
  })
  afterEach(() => {
    local.stop()
    vi.unstubAllGlobals()
  })

  it.each([['under one name', ['usb']], ['under several', ['default', 'usb']]])('are given up where there is no other: %s', async (_, list) => {
    plugged.list = list
    plugged.ends = new Set(list)
    await local.setMicrophone(true)
    await settled()
    expect([local.microphone, local.microphoneOn]).toEqual([undefined, false])
    expect(plugged.opened.length).toBeLessThan(2 * list.length + 2)
  })

  it('are replaced by one that does not, and come back when they are plugged in again', async () => {
    plugged.list = ['default', 'usb', 'other']
    plugged.ends = new Set(['default', 'usb'])
    await local.setMicrophone(true)
    await settled()
    expect([local.microphone?.label, local.microphoneOn]).toEqual(['other', true])
    expect(plugged.opened.length).toBeLessThan(8)
    for (let i = 0; i < 3; i++) {
      plugged.list = ['other']
      plugged.dispatchEvent(new Event('devicechange'))
      await settled()
      plugged.ends.clear()
      plugged.list = ['default', 'usb', 'other']
      plugged.dispatchEvent(new Event('devicechange'))
      await settled()
      expect(local.microphone?.label).toBe('default')
    }
  })
})

it('takes the microphone that the system had chosen, which has a name of its own in Chromium, when it is plugged in again', async () => {
  const opened: (Track & { real: string })[] = []
  let real: string[] = []
  const plugged = Object.assign(new EventTarget(), {
    enumerateDevices: async () => ['default', 'communications', ...real].map((deviceId) => ({ kind: 'audioinput', deviceId, groupId: names.has(deviceId) ? real[0] : deviceId })),
    getUserMedia: async ({ audio }: { audio: { deviceId?: { exact?: string } } }) => {
      const id = audio.deviceId?.exact ?? 'default'
      const track = Object.assign(new Track(id), { real: names.has(id) ? real[0]! : id })
      track.getSettings = () => ({ deviceId: id, groupId: track.real })
      opened.push(track)
      return { getTracks: () => [track] }
    },
  })
  const names = new Set(['default', 'communications'])
  vi.stubGlobal('window', { isSecureContext: true })
  vi.stubGlobal('RTCPeerConnection', class {})
  vi.stubGlobal('localStorage', { getItem: () => null, setItem() {}, removeItem() {} })
  vi.stubGlobal('navigator', { userAgent: '', mediaDevices: plugged })
  const local = new LocalDevices({})
  const heard = async (...list: string[]) => {
    for (const track of opened) if (!list.includes(track.real) && track.readyState === 'live') track.end()
    real = list
    plugged.dispatchEvent(new Event('devicechange'))
    for (let i = 0; i < 30; i++) await new Promise((resolve) => setTimeout(resolve))
    return (local.microphone as unknown as { real: string }).real
  }
  await heard('headset', 'own').catch(() => {})
  await local.setMicrophone(true)
  const seen = []
  for (let i = 0; i < 2; i++) seen.push(await heard('own'), opened.length, await heard('headset', 'own'))
  // Nor is it opened under that name while it is away.
  expect(seen).toEqual(['own', 2, 'headset', 'own', 4, 'headset'])
  local.stop()
  vi.unstubAllGlobals()
})

describe('devices that were pulled out before they came into use', () => {
  const other = { ...ended('audio'), readyState: 'live', label: 'Other', getSettings: () => ({ deviceId: 'other' }) }
  let list: { kind: string; deviceId: string }[]
  let local: LocalDevices

  beforeEach(() => {
    list = []
    vi.stubGlobal('window', { isSecureContext: true })
    vi.stubGlobal('RTCPeerConnection', class {})
    vi.stubGlobal('localStorage', { getItem: () => null, setItem() {}, removeItem() {} })
    vi.stubGlobal('navigator', {
      userAgent: '', mediaDevices: { addEventListener() {}, removeEventListener() {}, enumerateDevices: async () => list, getUserMedia: async () => ({ getTracks: () => [other] }) },
    })
  })
  afterEach(() => {
    local.stop()
    vi.unstubAllGlobals()
  })

  it('are off where there is no other', async () => {
    local = new LocalDevices({ audio: ended('audio'), video: ended('video') })
    await vi.waitFor(() => expect([local.microphoneOn, local.cameraOn]).toEqual([false, false]), patience)
    expect([local.microphone, local.camera]).toEqual([undefined, undefined])
  })

  it('are replaced where there is another', async () => {
    list = [{ kind: 'audioinput', deviceId: 'other' }]
    local = new LocalDevices({ audio: ended('audio') })
    await vi.waitFor(() => expect(local.microphone?.label).toBe('Other'), patience)
    expect(local.microphoneOn).toBe(true)
  })
})
