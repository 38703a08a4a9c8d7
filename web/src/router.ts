/** Where in the page somebody is. */
export type Route =
  | { screen: 'home' }
  | { screen: 'room'; room: string }
  | { screen: 'watch'; room: string }
  | { screen: 'call'; room: string }
  | { screen: 'check' }
  | { screen: 'console' }
  | { screen: 'states'; state: string }
  | { screen: 'unknown' }

const maxNameBytes = 64

/** The server's rule for names: letters of any script, digits, marks, "-" and "_", at most 64 bytes. */
export function isRoomName(name: string): boolean {
  return /^[\p{L}\p{Nd}\p{M}_-]+$/u.test(name) && new TextEncoder().encode(name).length <= maxNameBytes
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return ''
  }
}

export function parseRoute(path: string): Route {
  const [first = '', second = '', ...rest] = path.replace(/^\/+/, '').replace(/\/+$/, '').split('/')
  if (rest.length === 0) {
    if (first === '' && second === '') return { screen: 'home' }
    if (first === 'console' && second === '') return { screen: 'console' }
    if (first === 'check' && second === '') return { screen: 'check' }
    if (first === '__states') return { screen: 'states', state: decode(second) }
    const room = decode(second)
    if (first === 'r' && room !== '') return { screen: 'room', room }
    if (first === 'c' && room !== '') return { screen: 'call', room }
    if (first === 'w' && room !== '') return { screen: 'watch', room }
  }
  return { screen: 'unknown' }
}

export function roomPath(room: string, key = ''): string {
  return `/r/${encodeURIComponent(room)}${key && `#k=${encodeURIComponent(key)}`}`
}

export function callPath(room: string, key = ''): string {
  return `/c/${encodeURIComponent(room)}${key && `#k=${encodeURIComponent(key)}`}`
}

export function watchPath(room: string, key = ''): string {
  return `/w/${encodeURIComponent(room)}${key && `#k=${encodeURIComponent(key)}`}`
}

/** The key in a fragment, which browsers never send to the server. */
export function keyInFragment(hash: string): string {
  return new URLSearchParams(hash.replace(/^#/, '')).get('k') ?? ''
}

/**
 * What somebody typed or pasted to join: a link to a room or watch page of this server, or a room's name. Gives the path to
 * go to, or an empty string.
 */
export function joinTarget(input: string, origin: string): string {
  const text = input.trim()
  if (isRoomName(text)) return roomPath(text)
  let url: URL
  try {
    url = new URL(text.startsWith('/') ? origin + text : text)
  } catch {
    return ''
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return ''
  const route = parseRoute(url.pathname)
  if (route.screen !== 'room' && route.screen !== 'watch' && route.screen !== 'call') return ''
  const path = url.pathname + url.hash
  return url.origin === origin ? path : url.origin + path
}
