import { fail, ok, warn, type Figures, type Nat, type StepResult, type Trouble } from './results'

// From there on people notice. Loss and delay after ITU-T G.1010 and G.114; rates: a sharp picture takes 2.5 Mbit/s, sound
// alone and a small picture 300 kbit/s.
const limits = { roundTrip: 0.4, loss: 0.03, jitter: 0.04, sharp: 2_500_000, least: 300_000 }

/** A way on which messages go and come back. */
export function judgeWay(roundTrip: number, figures: Figures = {}): StepResult {
  return roundTrip > limits.roundTrip ? warn('far', { roundTrip, ...figures }) : ok({ roundTrip, ...figures })
}

/** Why the server's media port is not reached. On its own machine no firewall is to blame: some browsers do not go there. */
export function portTrouble(transport: 'udp' | 'tcp', host: string): Trouble {
  if (/^(localhost|127(\.\d+){3}|\[::1\])$/i.test(host)) return 'loopback'
  return transport === 'udp' ? 'udpBlocked' : 'tcpBlocked'
}

export function judgeQuality(figures: { roundTrip?: number; loss: number; jitter: number }): StepResult {
  if (figures.loss > limits.loss) return warn('lossy', figures)
  if (figures.jitter > limits.jitter) return warn('uneven', figures)
  return ok(figures)
}

export function judgeBandwidth(bitrate: number): StepResult {
  if (bitrate < limits.least) return warn('tooThin', { bitrate })
  return bitrate < limits.sharp ? warn('thin', { bitrate }) : ok({ bitrate })
}

/** A picture: how bright on average (0 to 255), and by how much pixels changed most between two looks. */
export function judgePicture(figures: Figures, brightness: number, change: number): StepResult {
  if (brightness < 6) return warn('dark', figures)
  return change < 0.15 ? warn('still', figures) : ok(figures)
}

/** The loudest that was heard, 0 to 1 on the scale of the level meter. */
export function judgeSound(figures: Figures & { level: number }): StepResult {
  return figures.level < 0.08 ? warn('silent', figures) : ok(figures)
}

/** A candidate as far as it is needed here. */
export interface Candidate {
  type: string
  protocol: string
  address: string
  port: number
}

/** Reads what a browser told of a candidate, with or without the parsed fields that not all have (RFC 8839, 5.1). */
export function candidateOf(line: string): Candidate | undefined {
  const m = /^(?:a=)?candidate:\S+ \d+ (\S+) \d+ (\S+) (\d+) typ (\S+)/i.exec(line)
  return m ? { protocol: m[1]!.toLowerCase(), address: m[2]!, port: Number(m[3]), type: m[4]! } : undefined
}

/** What asking STUN servers came to, when gathering had ended or time was up. */
export function judgeStun(candidates: readonly Candidate[], errors: readonly number[], complete: boolean): StepResult {
  const outside = candidates.filter((c) => c.type === 'srflx' && c.protocol === 'udp')
  // IPv4 first: it is the one with a router in between.
  const seen = outside.find((c) => !c.address.includes(':')) ?? outside[0]
  if (seen) return ok({ address: seen.address })
  // Browsers leave out an outside address that is the own one; a server that did not answer is an error.
  if (complete && errors.length === 0 && candidates.some((c) => c.type === 'host' && c.protocol === 'udp')) return ok({ nat: 'none' })
  return fail('stunBlocked')
}

/**
 * How the router maps, from two answers that the same socket got: the STUN server's (srflx candidates), and the media port's,
 * as the local end of the pair in use (RFC 5780, 4.3). Undefined when there are no two answers of the same family.
 */
export function natOf(outside: readonly Candidate[], used: Candidate | undefined): Nat | undefined {
  if (!used || used.protocol !== 'udp' || used.address === '' || used.port === 0) return undefined
  const family = used.address.includes(':')
  const same = outside.filter((c) => c.type === 'srflx' && c.protocol === 'udp' && c.address.includes(':') === family)
  if (same.length === 0) return undefined
  if (used.type === 'srflx' || same.some((c) => c.address === used.address && c.port === used.port)) return 'steady'
  // The own address was answered: this server is on the inside of the router, which then says nothing about it.
  return used.type === 'prflx' ? 'symmetric' : undefined
}

/** Why there is no relay, from the errors that the browser told (STUN error codes; 701 when no answer came at all). */
export function relayTrouble(errors: readonly number[], tls: boolean): Trouble {
  if (errors.some((code) => code === 486 || code === 508)) return 'relayFull'
  if (errors.some((code) => code >= 400 && code < 500)) return 'relayRefused'
  return tls ? 'relayTls' : 'relayBlocked'
}
