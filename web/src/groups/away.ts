import type { Move } from '../audience/protocol'

/** The room under the main one in which somebody is. */
export interface Away {
  room: string
  token: string
  n: number
  name: string
}

/** Where a move leads; undefined for back to the main room. */
export function awayOf(move: Move): Away | undefined {
  return move.token ? { room: move.room, token: move.token, n: move.group ?? 0, name: move.name ?? '' } : undefined
}
