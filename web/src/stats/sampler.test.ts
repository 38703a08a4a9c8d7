import { describe, expect, it } from 'vitest'
import { Sampler } from './sampler'

type Stats = Record<string, Record<string, unknown>>

const report = (stats: Stats) => new Map<string, unknown>(Object.entries(stats).map(([id, stat]) => [id, { id, ...stat }]))

function run(...reports: Stats[]) {
  const sampler = new Sampler()
  return reports.map((stats, i) => sampler.take(i * 1000, 'direct', [{ connection: 'direct', report: report(stats) }]))
}

const video = (at: number, more: Record<string, unknown> = {}): Stats => ({
  out: {
    type: 'outbound-rtp', kind: 'video', timestamp: at, codecId: 'codec', remoteId: 'rr', mediaSourceId: 'source', mid: '1',
    bytesSent: at * 100, packetsSent: at, framesEncoded: (at / 1000) * 30, nackCount: at / 100, pliCount: 3,
    frameWidth: 1280, frameHeight: 720, qualityLimitationReason: 'bandwidth', encoderImplementation: 'OpenH264', ...more,
  },
  rr: { type: 'remote-inbound-rtp', kind: 'video', timestamp: at, localId: 'out', roundTripTime: 0.04, jitter: 0.002, fractionLost: 0.05 },
  codec: { type: 'codec', mimeType: 'video/H264', sdpFmtpLine: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f' },
  source: { type: 'media-source', kind: 'video', trackIdentifier: 'camera-track' },
})

const sound = (at: number, more: Record<string, unknown> = {}): Stats => ({
  in: {
    type: 'inbound-rtp', kind: 'audio', timestamp: at, bytesReceived: at * 4, packetsReceived: at / 20, packetsLost: 0, jitter: 0.003,
    jitterBufferDelay: at * 0.05, jitterBufferEmittedCount: at, concealedSamples: 0, totalSamplesReceived: at * 48, ...more,
  },
})

describe('what is sent', () => {
  const [first, second] = run(video(1000), video(2000))

  it('needs two reports for rates, one for the rest', () => {
    expect(first!.tracks[0]).not.toHaveProperty('bitrate')
    expect(first!.tracks[0]).toMatchObject({ width: 1280, height: 720, roundTrip: 0.04, limitation: 'bandwidth' })
  })

  it('tells rates per second, and counts per interval', () => {
    expect(second!.tracks[0]).toMatchObject({ direction: 'sent', kind: 'video', bitrate: 800_000, fps: 30, nacks: 10, plis: 0, loss: 0.05, jitter: 0.002 })
  })

  it('names codec, profile and coder', () => {
    expect(second!.tracks[0]!.codec).toEqual({ name: 'H264', profile: 'constrained baseline 3.1', implementation: 'OpenH264', hardware: false })
  })

  it('counts losses itself where the browser tells no fraction', () => {
    const told = (at: number, packetsLost: number) => {
      const stats = video(at)
      stats.rr = { ...stats.rr!, fractionLost: undefined, packetsLost }
      return stats
    }
    expect(run(told(1000, 10), told(2000, 30))[1]!.tracks[0]!.loss).toBeCloseTo(0.02)
  })

  it('leaves out layers that never sent', () => {
    expect(run(video(1000, { active: false, packetsSent: 0 }))[0]!.tracks).toEqual([])
  })

  it('asks whose it is with mid and track', () => {
    const asked: unknown[] = []
    const sample = new Sampler().take(0, 'direct', [{ connection: 'direct', report: report(video(1000)) }], (connection, hint) => {
      asked.push([connection, hint])
      return { person: '', what: 'camera' }
    })
    expect(asked).toEqual([['direct', { direction: 'sent', kind: 'video', mid: '1', track: 'camera-track' }]])
    expect(sample.tracks[0]).toMatchObject({ person: '', what: 'camera' })
  })
})

describe('what is received', () => {
  it.each([
    ['nothing lost', 0, 0, 0],
    ['lost', 10, 60, 0.5],
    ['repaired afterwards', 10, 5, 0],
    ['began before we looked', 500, 550, 0.5],
  ])('%s', (_, before, after, loss) => {
    expect(run(sound(1000, { packetsLost: before }), sound(2000, { packetsLost: after }))[1]!.tracks[0]!.loss).toBeCloseTo(loss)
  })

  it('tells delay of the buffer and concealment of the interval alone', () => {
    const [, second] = run(sound(1000), sound(2000, { jitterBufferDelay: 50 + 80, concealedSamples: 4800 }))
    expect(second!.tracks[0]!.bufferDelay).toBeCloseTo(0.08)
    expect(second!.tracks[0]!.concealed).toBeCloseTo(0.1)
  })

  it('has no loss where nothing was awaited', () => {
    expect(run(sound(1000), sound(2000, { packetsReceived: 50 }))[1]!.tracks[0]).not.toHaveProperty('loss')
  })

  it('begins anew where a counter begins anew', () => {
    const [, second] = run(sound(9000), sound(10_000, { bytesReceived: 10, packetsReceived: 1 }))
    expect(second!.tracks[0]).not.toHaveProperty('bitrate')
    expect(second!.tracks[0]).not.toHaveProperty('loss')
  })

  it('keeps the figures when the browser answers with the same report again', () => {
    const [, second, third, fourth] = run(sound(1000), sound(2000), sound(2000), sound(3000))
    expect(third!.tracks).toEqual(second!.tracks)
    expect(fourth!.tracks[0]!.bitrate).toBe(32_000)
  })

  it('does not mix streams of different connections', () => {
    const sampler = new Sampler()
    sampler.take(0, 'direct', [{ connection: 'direct', report: report(sound(1000)) }])
    const next = sampler.take(1000, 'server', [{ connection: 'server', report: report(sound(2000)) }])
    expect(next.tracks[0]!.id).toBe('server in')
    expect(next.tracks[0]).not.toHaveProperty('bitrate')
  })
})

describe('the way', () => {
  const ends: Stats = {
    local: { type: 'local-candidate', candidateType: 'relay', protocol: 'udp', address: '203.0.113.5', port: 50_000, relayProtocol: 'tls' },
    remote: { type: 'remote-candidate', candidateType: 'srflx', protocol: 'udp', ip: '198.51.100.7', port: 4000 },
    other: { type: 'remote-candidate', candidateType: 'host', protocol: 'tcp', address: '' },
  }
  const pair = (at: number, more: Record<string, unknown> = {}) => ({
    type: 'candidate-pair', timestamp: at, localCandidateId: 'local', remoteCandidateId: 'remote', state: 'succeeded', nominated: true,
    currentRoundTripTime: 0.021, availableOutgoingBitrate: 2_500_000, bytesSent: at * 250, bytesReceived: at * 10, ...more,
  })

  it('is the pair that the transport names', () => {
    const stats = (at: number): Stats => ({
      ...ends, wrong: pair(at, { bytesSent: at * 900 }), right: pair(at),
      transport: { type: 'transport', selectedCandidatePairId: 'right', dtlsCipher: 'TLS_ECDHE', srtpCipher: 'AEAD_AES_128_GCM', tlsVersion: 'FEFD' },
    })
    expect(run(stats(1000), stats(2000))[1]!.connections).toEqual([{
      connection: 'direct', roundTrip: 0.021, availableOutgoing: 2_500_000, sent: 2_000_000, received: 80_000,
      dtlsCipher: 'TLS_ECDHE', srtpCipher: 'AEAD_AES_128_GCM', dtlsVersion: 'DTLS 1.2',
      local: { type: 'relay', protocol: 'udp', address: '203.0.113.5', port: 50_000, relayProtocol: 'tls' },
      remote: { type: 'srflx', protocol: 'udp', address: '198.51.100.7', port: 4000 },
    }])
  })

  it.each<[string, Stats, string | undefined]>([
    ['the selected one (Firefox)', { a: pair(1000, { remoteCandidateId: 'other' }), b: pair(1000, { selected: true }) }, 'srflx'],
    ['the busiest nominated one', { a: pair(1000, { remoteCandidateId: 'other', bytesSent: 1 }), b: pair(1000) }, 'srflx'],
    ['none while checks go on', { a: pair(1000, { nominated: false, state: 'in-progress' }) }, undefined],
  ])('without a transport: %s', (_, stats, type) => {
    expect(run({ ...ends, ...stats })[0]!.connections[0]?.remote?.type).toBe(type)
  })
})

describe('nonsense', () => {
  it.each([
    ['no objects', { a: null, b: 7, c: 'x' }],
    ['no kinds', { a: { type: 'inbound-rtp' }, b: { type: 'outbound-rtp', kind: 'smell' } }],
    ['numbers that are none', { a: { type: 'inbound-rtp', kind: 'audio', timestamp: NaN, bytesReceived: 'many', packetsLost: Infinity } }],
    ['a pair without ends', { p: { type: 'candidate-pair', nominated: true, state: 'succeeded' } }],
  ])('%s', (_, stats) => {
    const sampler = new Sampler()
    const once = () => sampler.take(0, 'direct', [{ connection: 'c', report: new Map<string, unknown>(Object.entries(stats)) }])
    once()
    expect(JSON.stringify(once())).not.toMatch(/null|NaN/)
  })
})
