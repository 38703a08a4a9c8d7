/** How the pictures of a room are put together for those who watch; see docs/compose.md and PATCH /api/rooms/{room}/program. */
export interface Program {
  layout: string
  orientation: 'portrait' | 'landscape'
  /** Whether pictures are composed at the moment, and in which layout. */
  composed: boolean
  resolvedLayout: string
  layouts: string[]
  /** Smaller pictures that are made beside it, in lines, in falling order. */
  renditions: number[]
  /** Lines on the shorter side of a composed picture. */
  height: number
  /** Why nothing can be composed on this server; missing when it can. */
  unavailable?: string
}

/** The layouts that a host picks from, in this order; a server may have fewer. */
export const offered = ['auto', 'grid', 'speaker', 'side-by-side', 'picture-in-picture', 'screen', 'audio'] as const
export type Layout = (typeof offered)[number]
