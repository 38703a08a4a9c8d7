import type { BoardModel } from './model.svelte'
import { newId, sizeOf, type Style } from './tools'
import { maxTextBytes, type Look } from './wire'

/** A text that is being written: a new one, or one that is changed. It stays on the page on which it was begun, and ends when another is shown. */
export interface Writing {
  page: string
  x: number
  y: number
  id?: string
  look?: Look
}

/** Puts what was written onto the board; nothing is put for a text that is empty or as it was. */
export function put(model: BoardModel, { page, x, y, id, look }: Writing, words: string, style: Style) {
  const text = clipped(words.replace(/[^\S\n]+$/gm, '').replace(/^\n+|\n+$/g, ''))
  if (id && look) {
    if (text !== look.text) model.put(page, { [id]: text ? { ...look, text } : undefined })
  } else if (text) {
    model.put(page, { [newId()]: { kind: 'text', text, color: style.color, size: sizeOf('text', style.size), x, y, z: model.top(page) } })
  }
}

/** As much of a text as an element may have. */
function clipped(text: string): string {
  let fits = ''
  let size = 0
  for (const sign of text) {
    size += new TextEncoder().encode(sign).length
    if (size > maxTextBytes) break
    fits += sign
  }
  return fits
}
