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
