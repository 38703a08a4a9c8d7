import { api } from '../api/client'
import { broadcast } from '../broadcast/api'
import type { RecentRoom } from '../remember'

/** What can be watched in a room that this browser knows: its show, or the last of its recordings. */
export interface Known {
  room: string
  key: string
  title: string
  /** Empty where there is none. */
  picture: string
  /** Who watches; absent for what is over. */
  viewers?: number
  /** Of what is over: when it began, and for how many seconds it lasts. */
  startedAt?: string
  duration?: number
}

/** Pictures are asked for without headers, so a key is shown in the query, and only where one is needed. */
const shown = (url: string, key: string, open: boolean) => (open || key === '' ? url : `${url}?key=${encodeURIComponent(key)}`)

/** Looks into a room; undefined where there is nothing to watch. */
async function look({ room, key }: RecentRoom): Promise<Known | undefined> {
  try {
    const summary = await api.room(room, { key })
    const base = { room, key: summary.publicWatch ? '' : key, title: summary.live.title || summary.title || room }
    if (summary.live.on) {
      return { ...base, viewers: summary.viewers, picture: shown(`/api/rooms/${encodeURIComponent(room)}/snapshot.jpg`, key, summary.publicWatch) }
    }
    const { recordings } = await broadcast.recordings(room, { key })
    const last = recordings.find(({ published, play, state }) => published && play && state === 'done')
    if (!last) return undefined
    return {
      ...base, title: last.title || base.title, startedAt: last.startedAt, duration: last.duration,
      picture: last.picture ? shown(last.picture, key, summary.publicWatch) : '',
    }
  } catch {
    // Gone, or not for this browser any more.
    return undefined
  }
}

/** As many are shown. */
const most = 6

/** Looks into all of them; what is on the air comes first. */
export async function known(rooms: readonly RecentRoom[]): Promise<Known[]> {
  const all = await Promise.all(rooms.filter(({ call }) => !call).map(look))
  return all.filter((one) => one !== undefined).sort((a, b) => Number(b.viewers !== undefined) - Number(a.viewers !== undefined)).slice(0, most)
}
