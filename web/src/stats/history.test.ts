import { describe, expect, it } from 'vitest'
import { codecWords, isHardware, profileOf } from './codec'
import { findings } from './findings'
import { addSample, keptMilliseconds, series, totalBitrate } from './history'
import type { Sample, TrackFigures } from './sample'
import { savedName, savedStatistics } from './save'
import { percent } from './units'

const sample = (at: number, ...tracks: Partial<TrackFigures>[]): Sample => ({
  at, path: 'direct', connections: [],
  tracks: tracks.map((t, i) => ({ id: String(i), connection: 'direct', direction: 'sent', kind: 'video', ...t })),
})

describe('history', () => {
  it('keeps ten minutes', () => {
    let samples: Sample[] = []
    for (let s = 0; s < 1500; s++) samples = addSample(samples, sample(s * 1000))
    expect(samples.length).toBe(600)
    expect(samples.at(-1)!.at - samples[0]!.at).toBeLessThan(keptMilliseconds)
  })

  it('is bounded though the clock stands still or goes back', () => {
    let samples: Sample[] = []
    for (let i = 0; i < 2000; i++) samples = addSample(samples, sample(5))
    expect(samples.length).toBe(600)
    expect(addSample(samples, sample(1)).length).toBe(1)
  })

  it('has gaps where nothing is known', () => {
    const samples = [sample(1000), sample(2000, { bitrate: 500 }, { bitrate: 200 }, { direction: 'received', bitrate: 7 })]
    expect(series(samples, (s) => totalBitrate(s, 'sent'))).toEqual({ at: [1, 2], values: [[null, 700]] })
  })
})

describe('what stands out', () => {
  it.each<[string, Partial<TrackFigures>[], string[]]>([
    ['nothing', [{ loss: 0.01, limitation: 'none' }, { direction: 'received', loss: 0, jitter: 0.004, freezes: 0 }], []],
    ['a busy device', [{ limitation: 'cpu' }], ['cpu']],
    ['a thin way that loses', [{ limitation: 'bandwidth', loss: 0.2 }], ['lossSent', 'bandwidth']],
    ['a freeze', [{ direction: 'received', freezes: 1 }], ['freezes']],
    ['a long way', [{ roundTrip: 0.8 }], ['slow']],
    ['an uneven way', [{ direction: 'received', jitter: 0.12, loss: 0.1 }], ['lossReceived', 'uneven']],
  ])('%s', (_, tracks, want) => expect(findings([sample(0, ...tracks)])).toEqual(want))

  it('says nothing of one bad second among good ones', () => {
    const good = [1, 2, 3, 4].map((n) => sample(n, { loss: 0 }))
    expect(findings([...good, sample(5, { loss: 0.1 })])).toEqual([])
  })

  it('tells media over TCP', () => {
    const over = (local: object): Sample => ({ ...sample(0), connections: [{ connection: 'direct', local: local as never }] })
    expect(findings([over({ type: 'host', protocol: 'tcp' })])).toEqual(['overTcp'])
    expect(findings([over({ type: 'relay', protocol: 'udp', relayProtocol: 'tls' })])).toEqual(['overTcp'])
    expect(findings([over({ type: 'relay', protocol: 'udp', relayProtocol: 'udp' })])).toEqual([])
  })

  it('says nothing before there are figures', () => expect(findings([])).toEqual([]))
})

describe('codecs', () => {
  it.each([
    ['H264', 'profile-level-id=42e01f', 'constrained baseline 3.1'],
    ['H264', 'packetization-mode=1;profile-level-id=4d0032', 'main 5.0'],
    ['H264', 'profile-level-id=640c1f', 'constrained high 3.1'],
    ['H264', 'profile-level-id=42001f', 'baseline 3.1'],
    ['H264', 'profile-level-id=zz', undefined],
    ['VP9', 'profile-id=2', 'profile 2'],
    ['AV1', 'level-idx=5;profile=0;tier=0', 'main'],
    ['opus', 'minptime=10;useinbandfec=1;stereo=1', 'stereo'],
    ['VP8', '', undefined],
  ])('%s %s', (name, parameters, want) => expect(profileOf(name, parameters)).toBe(want))

  it.each([
    ['libvpx', undefined, false],
    ['ExternalEncoder', undefined, true],
    ['VideoToolbox', undefined, true],
    ['libvpx', true, true],
    ['something new', undefined, undefined],
    [undefined, undefined, undefined],
  ])('coder %s, efficient %s', (name, efficient, want) => expect(isHardware(name, efficient)).toBe(want))

  it('is said in words', () => expect(codecWords({ name: 'H264', profile: 'high 4.0' }, () => 'H.264')).toBe('H.264 high 4.0'))
})

describe('saving', () => {
  it('holds all samples and says what is in it', () => {
    const saved = JSON.parse(savedStatistics([sample(1), sample(2)], new Date(0), 'Browser 1'))
    expect(saved).toMatchObject({ format: 'tutti-statistics', browser: 'Browser 1', made: '1970-01-01T00:00:00.000Z' })
    expect(saved.samples).toHaveLength(2)
    expect(saved.note).toMatch(/addresses/)
  })

  it('is named for the moment', () => expect(savedName(new Date(2026, 0, 2, 3, 4, 5))).toBe('tutti-statistics-2026-01-02-03-04-05.json'))

  it.each([[0, '0 %'], [0.013, '1.3 %'], [0.1234, '12 %'], [1, '100 %']])('%s as percent', (part, want) => expect(percent(part)).toBe(want))
})
