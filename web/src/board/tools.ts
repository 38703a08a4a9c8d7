import type { Color } from './wire'

export const tools = ['select', 'pen', 'marker', 'line', 'arrow', 'rect', 'ellipse', 'text', 'eraser'] as const
export type Tool = (typeof tools)[number]

/** How what is drawn next looks. */
export interface Style {
  color: Color
  /** One of three sizes. */
  size: 0 | 1 | 2
  fill: boolean
}

/** The key that chooses a tool while the board has the focus. */
export const keys: Record<string, Tool> = {
  v: 'select', p: 'pen', m: 'marker', l: 'line', a: 'arrow', r: 'rect', o: 'ellipse', t: 'text', e: 'eraser',
}

const lines = [3, 6, 12]
const marks = [16, 28, 44]
const letters = [24, 36, 56]

/** A tool's size in the page's units. */
export function sizeOf(tool: Tool, size: Style['size']): number {
  return (tool === 'marker' ? marks : tool === 'text' ? letters : lines)[size]!
}

/** What the colours look like on the board's white page, in both themes. */
export const paint: Record<Color, string> = {
  black: '#1b1d22', grey: '#767c89', red: '#d92d3c', orange: '#e8710a', yellow: '#f2b705', green: '#188a50', blue: '#2563eb', purple: '#7c3aed',
}

export function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((b) => b.toString(36)).join('')
}
