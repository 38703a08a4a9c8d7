/** The whiteboard's messages, as docs/board.md has them. */

export const width = 1600
export const height = 900
/** Numbers in one element's points. */
export const maxPoints = 600
export const maxTextBytes = 2000
const maxDrawingBytes = 12_000
const maxPut = 100

export const colors = ['black', 'red', 'blue', 'green', 'orange', 'yellow', 'purple', 'grey'] as const
export type Color = (typeof colors)[number]
export type Kind = 'pen' | 'marker' | 'line' | 'arrow' | 'rect' | 'ellipse' | 'text'

/** What somebody sees of an element. */
export interface Look {
  kind: Kind
  z?: number
  x?: number
  y?: number
  w?: number
  h?: number
  points?: number[]
  text?: string
  color: Color
  size: number
  fill?: boolean
}

/** One version of an element; one that is gone has no look. */
export interface Element extends Partial<Look> {
  id: string
  v: number
  gone?: boolean
  by?: string
}

export interface Drawing {
  page: string
  put: Element[]
}

export interface Trace {
  page: string
  id: string
  kind: 'pen' | 'marker'
  color: Color
  size: number
  points: number[]
}

/** Whether the board is before everybody, its pages in order, and the one that all are shown. */
export interface BoardState {
  on: boolean
  pages: string[]
  shown: string
}

export interface Snapshot extends BoardState {
  contents: { id: string; elements: Element[] }[]
}

/** Takes what was drawn apart into messages that are not too large. */
export function parcels({ page, put }: Drawing): Drawing[] {
  const all: Drawing[] = []
  let size = Infinity
  for (const element of put) {
    const more = new TextEncoder().encode(JSON.stringify(element)).length + 1
    if (size + more > maxDrawingBytes || all.at(-1)!.put.length >= maxPut) {
      all.push({ page, put: [] })
      size = 0
    }
    all.at(-1)!.put.push(element)
    size += more
  }
  return all
}
