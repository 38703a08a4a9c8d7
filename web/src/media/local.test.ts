import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LocalDevices } from './local.svelte'

// How long is waited for what comes at once, beside much else.
const patience = { timeout: 60_000 }

/** A track whose device went before anybody in the call had it. */
function ended(kind: 'audio' | 'video'): MediaStreamTrack {
  return { kind, enabled: true, readyState: 'ended', label: 'Gone', getSettings: () => ({ deviceId: 'gone' }), applyConstraints: async () => {}, addEventListener() {}, stop() {} } as unknown as MediaStreamTrack
}

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
