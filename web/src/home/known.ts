import { api, codeOf, type ErrorCode } from '../api/client'
import { broadcast } from '../broadcast/api'
import type { RecentRoom } from '../remember'

/** What can be watched in a room that this browser knows: its show, or the last of its recordings. */
export interface Known {
  room: string
  /** What watching needs, never a host's key: its link is given on by who watches. Empty where all may watch. */
  key: string
  title: string
  /** The path of its picture, for whom shows the key. Empty where there is none. */
  picture: string
  /** Who watches; absent for what is over. */
  viewers?: number
  /** Of what is over: when it began, and for how many seconds it lasts. */
  startedAt?: string
  duration?: number
}

/** What means that there is nothing here for this browser; all else passes. */
const gone: ReadonlySet<ErrorCode> = new Set(['unauthorized', 'forbidden', 'not_found', 'expired'])

/** Looks into a room; undefined where there is nothing to watch. What was known before holds where the server cannot tell now. */
async function look({ room, key, host }: RecentRoom, before: Known | undefined): Promise<Known | undefined> {
  try {
    const { live, viewers, publicWatch, ...summary } = await api.room(room, { key })
    // A show that a restart of the server interrupted goes on.
    const on = live.on || live.returning === true
    if (!on && before?.viewers !== undefined) before = undefined
    const last = on ? undefined : (await broadcast.recordings(room, { key })).recordings.find(({ published, play, state }) => published && play && state === 'done')
    if (!on && !last) return undefined
    const base = { room, key: publicWatch ? '' : host ? (await api.keys(room, { key })).watch : key, title: last?.title || live.title || summary.title || room }
    if (!last) return { ...base, viewers, picture: `/api/rooms/${encodeURIComponent(room)}/snapshot.jpg` }
    return { ...base, startedAt: last.startedAt, duration: last.duration, picture: last.picture ?? '' }
  } catch (error) {
    return gone.has(codeOf(error)) ? undefined : before
  }
}

/** So many of the latest are looked into, and so many are shown. */
const looked = 12
const most = 6

/** Looks into all of them; what is on the air comes first. `before` is what the last look gave. */
export async function known(rooms: readonly RecentRoom[], before: readonly Known[] = []): Promise<Known[]> {
  const all = await Promise.all(
    rooms.filter(({ call }) => !call).slice(0, looked).map((one) => look(one, before.find(({ room }) => room === one.room))),
  )
  return all.filter((one) => one !== undefined).sort((a, b) => Number(b.viewers !== undefined) - Number(a.viewers !== undefined)).slice(0, most)
}
