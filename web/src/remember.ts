/** What this browser remembers; every entry may be missing, since private windows and settings can refuse storage. */
export function remember(key: string, value: string) {
  try {
    if (value === '') localStorage.removeItem(`tutti.${key}`)
    else localStorage.setItem(`tutti.${key}`, value)
  } catch {
    // Forgetting is all that happens.
  }
}

export function recall(key: string): string {
  try {
    return localStorage.getItem(`tutti.${key}`) ?? ''
  } catch {
    return ''
  }
}

export interface RecentRoom {
  room: string
  title: string
  /** The key this browser joined with, empty for an open room. */
  key: string
  host: boolean
  at: number
  /** It is a call between two. */
  call?: boolean
  /** This browser only watched it. */
  watched?: boolean
}

/** Of each kind as many are kept: what was watched pushes out no host's key, which may be the only copy. */
const maxRecent = 8

export function parseRecent(text: string): RecentRoom[] {
  try {
    const list: unknown = JSON.parse(text)
    if (!Array.isArray(list)) return []
    return list.filter(
      (r): r is RecentRoom =>
        typeof r?.room === 'string' && typeof r.title === 'string' && typeof r.key === 'string' &&
        typeof r.host === 'boolean' && typeof r.at === 'number',
    )
  } catch {
    return []
  }
}

export function recentRooms(): RecentRoom[] {
  return parseRecent(recall('rooms'))
}

const kindOf = ({ host, watched }: RecentRoom) => (host ? 'host' : watched ? 'watched' : 'guest')

/** Puts a room first in the list. A guest's key does not replace the host's, nor watching having been in, nor coming without a key one that is known. */
export function addRecent(list: RecentRoom[], room: RecentRoom): RecentRoom[] {
  const before = list.find((r) => r.room === room.room)
  const kept = before && ((before.host && !room.host) || (!before.watched && room.watched))
  const alike = before && kindOf(before) === kindOf(room)
  const entry = kept ? { ...before, title: room.title || before.title, at: room.at } : alike ? { ...room, key: room.key || before.key } : room
  const counts = { host: 0, guest: 0, watched: 0 }
  return [entry, ...list.filter((r) => r.room !== room.room)].filter((one) => ++counts[kindOf(one)] <= maxRecent)
}

export function rememberRoom(room: RecentRoom) {
  remember('rooms', JSON.stringify(addRecent(recentRooms(), room)))
}

export function forgetRoom(room: string) {
  remember('rooms', JSON.stringify(recentRooms().filter((r) => r.room !== room)))
}
