import { isHardware, profileOf } from './codec'
import type { CodecFigures, ConnectionFigures, EndFigures, Sample, TrackFigures } from './sample'
import type { StatsSource } from './source'

/** As much of an RTCStatsReport as is read here; a Map is one. */
export interface Report {
  forEach(read: (stat: unknown, id: string) => void): void
}

type Stat = Record<string, unknown>

function number(stat: Stat | undefined, key: string): number | undefined {
  const value = stat?.[key]
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

function text(stat: Stat | undefined, key: string): string | undefined {
  const value = stat?.[key]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function flag(stat: Stat | undefined, key: string): boolean | undefined {
  const value = stat?.[key]
  return typeof value === 'boolean' ? value : undefined
}

/** Leaves out what is not known, so that saved figures hold nothing empty. */
function known<T extends object>(figures: T): T {
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== undefined)) as T
}

const within = (value: number | undefined) => (value === undefined ? undefined : Math.min(1, Math.max(0, value)))

/** How much some counters of one stat grew since the report before. */
class Growth {
  constructor(
    readonly now: Stat,
    readonly before: Stat | undefined,
  ) {}

  /** Undefined without a value before, and when the counter began anew. */
  of(key: string): number | undefined {
    const [to, from] = [number(this.now, key), number(this.before, key)]
    return to === undefined || from === undefined || to < from ? undefined : to - from
  }

  perSecond(key: string): number | undefined {
    const [amount, milliseconds] = [this.of(key), this.of('timestamp')]
    return amount === undefined || !milliseconds ? undefined : (amount * 1000) / milliseconds
  }

  /** The mean of a sum over what was counted in the same time. */
  mean(sum: string, count: string): number | undefined {
    const [total, n] = [this.of(sum), this.of(count)]
    return total === undefined || !n ? undefined : total / n
  }
}

interface Memory {
  stat: Stat
  /** What `stat` gave, for browsers that answer twice with the same report. */
  figures: TrackFigures | ConnectionFigures | undefined
}

/**
 * Turns successive reports into figures for the time between them. Pure: time is what the reports say. The first report gives
 * what needs no predecessor.
 */
export class Sampler {
  #memory = new Map<string, Memory>()

  /** `at` is in milliseconds since 1970. */
  take(
    at: number, path: Sample['path'], reports: { connection: string; report: Report }[], describe?: StatsSource['describe'],
  ): Sample {
    const sample: Sample = { at, path, connections: [], tracks: [] }
    const memory = new Map<string, Memory>()
    for (const { connection, report } of reports) {
      const stats = new Map<string, Stat>()
      report.forEach((stat, id) => {
        if (typeof stat === 'object' && stat !== null) stats.set(id, stat as Stat)
      })
      const remember = <T extends TrackFigures | ConnectionFigures>(id: string, stat: Stat, read: (growth: Growth) => T): T => {
        const key = `${connection} ${id}`
        const before = this.#memory.get(key)
        const same = before?.figures && number(before.stat, 'timestamp') === number(stat, 'timestamp')
        const figures = same ? (before.figures as T) : read(new Growth(stat, before?.stat))
        memory.set(key, { stat: same ? before.stat : stat, figures })
        return figures
      }
      const others = new Map<string, Stat>()
      for (const [id, stat] of stats) if (/^remote-(in|out)bound-rtp$/.test(text(stat, 'type') ?? '')) others.set(id, stat)
      for (const [id, stat] of stats) {
        const type = text(stat, 'type')
        const kind = text(stat, 'kind')
        if ((type !== 'outbound-rtp' && type !== 'inbound-rtp') || (kind !== 'audio' && kind !== 'video')) continue
        // An outbound stream that never sent is a layer that is off, or the place of a track that is not there.
        if (type === 'outbound-rtp' && !number(stat, 'packetsSent') && (flag(stat, 'active') === false || !text(stat, 'mediaSourceId'))) continue
        const remote = stats.get(text(stat, 'remoteId') ?? '') ?? [...others.values()].find((o) => text(o, 'localId') === id)
        const earlier = remote && this.#memory.get(`${connection} ${text(remote, 'id') ?? ''}`)?.stat
        const figures = remember(id, stat, (growth) =>
          type === 'outbound-rtp' ? sent(connection, id, kind, growth, stats, remote, earlier) : received(connection, id, kind, growth, stats, remote),
        )
        const owner = describe?.(connection, {
          direction: figures.direction, kind, mid: text(stat, 'mid'),
          track: text(stat, 'trackIdentifier') ?? text(stats.get(text(stat, 'mediaSourceId') ?? ''), 'trackIdentifier'),
        })
        sample.tracks.push(owner ? { ...figures, ...owner } : figures)
      }
      for (const [id, stat] of others) memory.set(`${connection} ${id}`, { stat: { ...stat, id }, figures: undefined })
      const { transport, pair } = chosen(stats)
      if (pair) {
        sample.connections.push(remember(`pair ${text(pair, 'id') ?? ''}`, pair, (growth) => way(connection, growth, stats, transport)))
      }
    }
    this.#memory = memory
    return sample
  }
}

function codecOf(growth: Growth, stats: Map<string, Stat>, coder: 'encoder' | 'decoder'): CodecFigures | undefined {
  const codec = stats.get(text(growth.now, 'codecId') ?? '')
  const name = text(codec, 'mimeType')?.replace(/^(audio|video)\//i, '')
  if (!name) return undefined
  const implementation = text(growth.now, `${coder}Implementation`)
  return known<CodecFigures>({
    name,
    profile: profileOf(name, text(codec, 'sdpFmtpLine') ?? ''),
    implementation: implementation === 'unknown' ? undefined : implementation,
    hardware: isHardware(implementation, flag(growth.now, coder === 'encoder' ? 'powerEfficientEncoder' : 'powerEfficientDecoder')),
  })
}

function sent(
  connection: string, id: string, kind: 'audio' | 'video', growth: Growth, stats: Map<string, Stat>, remote: Stat | undefined,
  earlier: Stat | undefined,
): TrackFigures {
  const { now } = growth
  const reported = remote && new Growth(remote, earlier)
  // RFC 3550, 6.4.1: the receiver's last report tells the part that was lost since the one before.
  const lost = number(remote, 'fractionLost') ?? (() => {
    const [missing, of] = [reported?.of('packetsLost'), growth.of('packetsSent')]
    return missing === undefined || !of ? undefined : missing / of
  })()
  return known<TrackFigures>({
    id: `${connection} ${id}`, connection, direction: 'sent', kind, rid: text(now, 'rid'),
    bitrate: scaled(growth.perSecond('bytesSent'), 8),
    width: number(now, 'frameWidth'), height: number(now, 'frameHeight'),
    fps: kind === 'video' ? (number(now, 'framesPerSecond') ?? growth.perSecond('framesEncoded')) : undefined,
    roundTrip: number(remote, 'roundTripTime'),
    loss: within(lost),
    jitter: number(remote, 'jitter'),
    codec: codecOf(growth, stats, 'encoder'),
    limitation: text(now, 'qualityLimitationReason'),
    nacks: growth.of('nackCount'), plis: growth.of('pliCount'),
  })
}

function received(
  connection: string, id: string, kind: 'audio' | 'video', growth: Growth, stats: Map<string, Stat>, remote: Stat | undefined,
): TrackFigures {
  const { now, before } = growth
  const got = growth.of('packetsReceived')
  // Late and repaired packets make the counter of lost ones go down again.
  const [lostNow, lostBefore] = [number(now, 'packetsLost'), number(before, 'packetsLost')]
  const lost = lostNow === undefined || lostBefore === undefined ? undefined : Math.max(0, lostNow - lostBefore)
  const awaited = got === undefined || lost === undefined ? 0 : got + lost
  return known<TrackFigures>({
    id: `${connection} ${id}`, connection, direction: 'received', kind,
    bitrate: scaled(growth.perSecond('bytesReceived'), 8),
    width: number(now, 'frameWidth'), height: number(now, 'frameHeight'),
    fps: kind === 'video' ? (number(now, 'framesPerSecond') ?? growth.perSecond('framesDecoded')) : undefined,
    roundTrip: number(remote, 'roundTripTime'),
    loss: awaited === 0 ? undefined : within(lost! / awaited),
    jitter: number(now, 'jitter'),
    bufferDelay: growth.mean('jitterBufferDelay', 'jitterBufferEmittedCount'),
    concealed: within(growth.mean('concealedSamples', 'totalSamplesReceived')),
    freezes: growth.of('freezeCount'), freezesInAll: number(now, 'freezeCount'),
    codec: codecOf(growth, stats, 'decoder'),
    nacks: growth.of('nackCount'), plis: growth.of('pliCount'),
  })
}

const scaled = (value: number | undefined, factor: number) => (value === undefined ? undefined : Math.round(value * factor))

/** The transport in use and its pair. Not every browser has transports; then the nominated pair that carries most is the one. */
function chosen(stats: Map<string, Stat>): { transport: Stat | undefined; pair: Stat | undefined } {
  const all = [...stats].map(([id, stat]): Stat => ({ ...stat, id }))
  const transport = all.find((s) => text(s, 'type') === 'transport' && text(s, 'selectedCandidatePairId'))
  const named = transport && all.find((s) => text(s, 'id') === text(transport, 'selectedCandidatePairId'))
  if (named) return { transport, pair: named }
  const pairs = all.filter((s) => text(s, 'type') === 'candidate-pair')
  const usable = pairs.filter((s) => flag(s, 'selected') || (flag(s, 'nominated') && text(s, 'state') === 'succeeded'))
  const carried = (s: Stat) => (number(s, 'bytesSent') ?? 0) + (number(s, 'bytesReceived') ?? 0)
  const pair = usable.find((s) => flag(s, 'selected')) ?? usable.sort((a, b) => carried(b) - carried(a))[0]
  return { transport: transport ?? all.find((s) => text(s, 'type') === 'transport'), pair }
}

function endOf(stat: Stat | undefined): EndFigures | undefined {
  const type = text(stat, 'candidateType')
  if (!type) return undefined
  return known<EndFigures>({
    type, protocol: text(stat, 'protocol')?.toLowerCase() ?? 'udp',
    address: text(stat, 'address') ?? text(stat, 'ip'), port: number(stat, 'port'), relayProtocol: text(stat, 'relayProtocol'),
  })
}

function way(connection: string, growth: Growth, stats: Map<string, Stat>, transport: Stat | undefined): ConnectionFigures {
  const { now } = growth
  const version = text(transport, 'tlsVersion')
  return known<ConnectionFigures>({
    connection,
    local: endOf(stats.get(text(now, 'localCandidateId') ?? '')),
    remote: endOf(stats.get(text(now, 'remoteCandidateId') ?? '')),
    roundTrip: number(now, 'currentRoundTripTime'),
    availableOutgoing: number(now, 'availableOutgoingBitrate'),
    sent: scaled(growth.perSecond('bytesSent'), 8), received: scaled(growth.perSecond('bytesReceived'), 8),
    dtlsCipher: text(transport, 'dtlsCipher'), srtpCipher: text(transport, 'srtpCipher'),
    dtlsVersion: dtlsVersion(version),
  })
}

/** Browsers tell the version as the wire has it: FEFD is DTLS 1.2, FEFC is DTLS 1.3 (RFC 6347, 4.1; RFC 9147, 5.3). */
function dtlsVersion(wire: string | undefined): string | undefined {
  return { FEFF: 'DTLS 1.0', FEFD: 'DTLS 1.2', FEFC: 'DTLS 1.3' }[wire?.toUpperCase() ?? '']
}
