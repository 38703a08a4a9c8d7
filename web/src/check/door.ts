import { errorOf } from '../api/client'
import { pause } from './wait'

/** What GET /probe/ice says: where STUN and TURN are, and WebRTC's ports, 0 for what is off. */
export interface Door {
  iceServers: RTCIceServer[]
  webrtc: { udp: number; tcp: number }
}

export type Relay = 'turnUdp' | 'turnTcp' | 'turnTls'

function listOf(urls: unknown): string[] {
  return (Array.isArray(urls) ? urls : [urls]).filter((url): url is string => typeof url === 'string')
}

/** Takes the answer in; what is not as it should be counts as not offered. */
export function readDoor(value: unknown): Door {
  const { iceServers, webrtc } = (typeof value === 'object' && value !== null ? value : {}) as { iceServers?: unknown; webrtc?: Record<string, unknown> }
  const servers = (Array.isArray(iceServers) ? iceServers : []).flatMap((entry: unknown): RTCIceServer[] => {
    if (typeof entry !== 'object' || entry === null) return []
    const { urls, username, credential } = entry as Record<string, unknown>
    const list = listOf(urls)
    if (list.length === 0) return []
    return [{ urls: list, ...(typeof username === 'string' ? { username } : {}), ...(typeof credential === 'string' ? { credential } : {}) }]
  })
  const port = (n: unknown) => (typeof n === 'number' && Number.isInteger(n) && n > 0 && n < 65_536 ? n : 0)
  return { iceServers: servers, webrtc: { udp: port(webrtc?.udp), tcp: port(webrtc?.tcp) } }
}

/** How a TURN server's address says that it is reached (RFC 7065, 3.1). */
export function relayOf(url: string): Relay | undefined {
  const scheme = /^(turns?):/i.exec(url)?.[1]?.toLowerCase()
  if (!scheme) return undefined
  const tcp = /[?&]transport=tcp\b/i.test(url)
  // TLS over UDP would be DTLS, which no browser speaks to TURN servers.
  if (scheme === 'turns') return /[?&]transport=udp\b/i.test(url) ? undefined : 'turnTls'
  return tcp ? 'turnTcp' : 'turnUdp'
}

/** The servers with one address each, those of one kind. */
export function relaysOf(door: Door, kind: Relay): RTCIceServer[] {
  return door.iceServers.flatMap((server) => listOf(server.urls).filter((url) => relayOf(url) === kind).map((urls) => ({ ...server, urls })))
}

export function stunServersOf(door: Door): RTCIceServer[] {
  return door.iceServers.flatMap((server) => listOf(server.urls).filter((url) => /^stuns?:/i.test(url)).map((urls) => ({ urls })))
}

const authority = (url: string) => /^[a-z]+:([^?]*)/i.exec(url)?.[1]?.toLowerCase() ?? ''

/** Whether some STUN server is also a relay over UDP, at the same port: then a relay that answers is a STUN answer too. */
export function stunIsRelay(door: Door): boolean {
  const relays = relaysOf(door, 'turnUdp').map((server) => authority(listOf(server.urls)[0] ?? ''))
  return stunServersOf(door).some((server) => relays.includes(authority(listOf(server.urls)[0] ?? '')))
}

const quietly = { cache: 'no-store', credentials: 'omit' } as const

/** Asks the door, and again when it says that it has been asked too often. */
export async function askDoor(path: string, init: RequestInit, signal: AbortSignal): Promise<Response> {
  for (let attempt = 0; ; attempt++) {
    const response = await fetch(path, { ...quietly, ...init, signal })
    if (response.ok) return response
    if (response.status !== 429 || attempt === 2) throw await errorOf(response)
    await pause(1500, signal)
  }
}
