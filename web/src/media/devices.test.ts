import { describe, expect, it } from 'vitest'
import { microphoneConstraints, musicConstraints, problemBefore, problemOf, type Surroundings } from './devices'

const fine: Surroundings = { secure: true, webrtc: true, mediaDevices: true, userAgent: 'Chrome' }

describe('before asking for a device', () => {
  it.each<[string, Partial<Surroundings>, string | undefined]>([
    ['all is well', {}, undefined],
    ['plain http on the network', { secure: false, mediaDevices: false }, 'insecure'],
    ['an old browser', { webrtc: false, mediaDevices: false }, 'unsupported'],
    ['WeChat without WebRTC', { webrtc: false, userAgent: 'MicroMessenger/8' }, 'inapp'],
    ['an in-app browser without devices', { mediaDevices: false, userAgent: 'Weibo' }, 'inapp'],
  ])('%s', (_, change, want) => expect(problemBefore({ ...fine, ...change })).toBe(want))
})

describe('why a device does not start', () => {
  it.each([
    ['NotAllowedError', 'denied'],
    ['NotReadableError', 'busy'],
    ['NotFoundError', 'missing'],
    ['OverconstrainedError', 'missing'],
    ['TypeError', 'failed'],
  ])('%s', (name, want) => expect(problemOf(new DOMException('', name))).toBe(want))

  it('takes anything', () => expect(problemOf(undefined)).toBe('failed'))
})

describe('a microphone', () => {
  it('gives a voice alone only where noise is suppressed', () => {
    expect([microphoneConstraints('', true), microphoneConstraints('', false), musicConstraints('')]).toMatchObject([
      { noiseSuppression: { ideal: true }, voiceIsolation: true }, { noiseSuppression: { ideal: false }, voiceIsolation: false }, { noiseSuppression: false, voiceIsolation: false },
    ])
  })
})
