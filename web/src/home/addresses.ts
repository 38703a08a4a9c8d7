import type { Info } from '../api/types'

const loopback = /^(localhost|127\.|\[?::1\]?$|0\.0\.0\.0)/

function hostOf(address: string): string {
  try {
    return new URL(address).hostname
  } catch {
    return 'localhost'
  }
}

/**
 * The address to open on a phone in the same network: a secure one before a plain one, since phones give the camera only to
 * secure pages; empty when the server listens on this computer only.
 */
export function phoneAddress(addresses: string[]): string {
  const reachable = addresses.filter((a) => !isLoopback(a))
  return reachable.find((a) => a.startsWith('https:')) ?? reachable[0] ?? ''
}

/** Whether an address opens on this computer only. */
export function isLoopback(address: string): boolean {
  return loopback.test(hostOf(address))
}

/** The server that encoders send RTMP to. */
export function rtmpServer(info: Pick<Info, 'rtmpHosts' | 'ports'> | undefined): string {
  const host = info?.rtmpHosts?.[0] ?? location.hostname
  const port = info?.ports.rtmp ?? 1935
  const bracketed = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return `rtmp://${bracketed}${port === 1935 ? '' : `:${port}`}/live`
}

/** The origin of every link that is given to others: the one that the operator named, else one that others can reach. */
export function originForOthers(own: string, info: Pick<Info, 'page' | 'addresses'> | undefined): string {
  return info?.page || reachableOrigin(own, info?.addresses ?? [])
}

/** The page's own origin, or the network's where the page was opened by a name that means this computer to whoever opens it. */
export function reachableOrigin(own: string, addresses: string[]): string {
  return ((isLoopback(own) && phoneAddress(addresses)) || own).replace(/\/$/, '')
}

/** The secure address to offer where the page was opened over plain http; empty when there is none. */
export function secureAddress(addresses: string[], path: string): string {
  const secure = addresses.filter((a) => a.startsWith('https:'))
  const address = secure.find((a) => hostOf(a) === location.hostname) ?? secure[0]
  return address ? address.replace(/\/$/, '') + path : ''
}
