import { describe, expect, it } from 'vitest'
import { fingerprintsOf, sharedSections, wishSound } from './sdp'

describe('fingerprints', () => {
  it.each([
    ['one for all sections', 'a=fingerprint:sha-256 aa:BB\r\nm=audio\r\na=fingerprint:SHA-256 AA:bb\r\n', ['sha-256 AA:BB']],
    ['two of them in any order', 'a=fingerprint:sha-256 02:00\na=fingerprint:sha-1 01:00\n', ['sha-1 01:00', 'sha-256 02:00']],
    ['none', 'v=0\r\n', []],
    ['nonsense', 'a=fingerprint:sha-256 xyz\r\n', []],
  ])('%s', (_, sdp, want) => expect(fingerprintsOf(sdp)).toEqual(want))
})

describe('wishes for sound', () => {
  const audio = (mid: string, fmtp: string) =>
    `m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:${mid}\r\na=rtpmap:111 opus/48000/2\r\n${fmtp ? `a=fmtp:111 ${fmtp}\r\n` : ''}a=rtcp-mux\r\n`
  const video = 'm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\n'

  it('asks for stereo where the sound is shared, for pauses where it is speech', () => {
    const sdp = `v=0\r\n${audio('0', 'minptime=10;useinbandfec=1')}${video}${audio('2', 'minptime=10;stereo=0')}`
    const wished = wishSound(sdp, new Set(['2']))
    expect(wished).toBe(
      `v=0\r\n${audio('0', 'minptime=10;useinbandfec=1;usedtx=1')}${video}${audio('2', 'minptime=10;stereo=1;sprop-stereo=1;maxaveragebitrate=128000')}`,
    )
    expect(wishSound(wished, new Set(['2']))).toBe(wished)
  })
  it('adds a line where there is none', () => {
    expect(wishSound(audio('0', ''), new Set())).toContain('a=rtpmap:111 opus/48000/2\r\na=fmtp:111 usedtx=1\r\n')
  })
  it('leaves sound of other codecs alone', () => {
    const sdp = 'm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=rtpmap:0 PCMU/8000\r\n'
    expect(wishSound(sdp, new Set())).toBe(sdp)
  })
})

describe('sections for both', () => {
  const section = (mid: string, direction: string) => `m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:${mid}\r\n${direction}a=rtcp-mux\r\n`
  it.each([
    ['sendrecv', 'a=sendrecv\r\n', ['a']],
    ['no direction, which means the same', '', ['a']],
    ['sendonly', 'a=sendonly\r\n', []],
    ['recvonly', 'a=recvonly\r\n', []],
    ['inactive', 'a=inactive\r\n', []],
  ])('%s', (_, direction, want) => {
    expect([...sharedSections(`v=0\r\n${section('a', direction)}${section('b', 'a=sendonly\r\n')}`)]).toEqual(want)
  })
  it('none without a name', () => expect(sharedSections('v=0\r\nm=audio 9 X 0\r\n').size).toBe(0))
})
