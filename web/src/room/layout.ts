export interface Size {
  width: number
  height: number
}

export interface Grid {
  columns: number
  rows: number
  /** Size of one tile in pixels. */
  tile: Size
}

/** Tiles are never narrower or wider than this, so that a crowd of them looks even and a wide picture fills a wide screen. */
const narrowest = { upright: 3 / 4, wide: 16 / 10 }
const widest = 16 / 9

/**
 * The grid of n equal tiles that shows the most picture in an area. Pictures are taken to be 16:9 or, where the area is upright,
 * 4:3, and are fitted, not cropped. Tiles that bleed are as large as they can be, of whatever shape.
 */
export function bestGrid(n: number, area: Size, gap: number, bleed = false): Grid {
  let best: Grid = { columns: 1, rows: Math.max(1, n), tile: { width: 0, height: 0 } }
  let most = -1
  const upright = area.width < area.height
  const picture = upright ? 4 / 3 : 16 / 9
  for (let columns = 1; columns <= Math.max(1, n); columns++) {
    const rows = Math.ceil(Math.max(1, n) / columns)
    const cell = {
      width: (area.width - gap * (columns - 1)) / columns,
      height: (area.height - gap * (rows - 1)) / rows,
    }
    if (cell.width <= 0 || cell.height <= 0) continue
    const tile = bleed ? { width: Math.floor(cell.width), height: Math.floor(cell.height) } : clampAspect(cell, upright ? narrowest.upright : narrowest.wide)
    const shown = Math.min(tile.width * (tile.width / picture), tile.height * (tile.height * picture))
    if (shown > most) {
      most = shown
      best = { columns, rows, tile }
    }
  }
  return best
}

function clampAspect({ width, height }: Size, least: number): Size {
  const aspect = width / height
  if (aspect > widest) return { width: Math.floor(height * widest), height: Math.floor(height) }
  if (aspect < least) return { width: Math.floor(width), height: Math.floor(width / least) }
  return { width: Math.floor(width), height: Math.floor(height) }
}

/** How much of a picture may be cut off to fill its tile; more would cut faces. */
const mostCropped = 0.16

/** Whether a picture fills its tile or is fitted into it. */
export function fitOf(picture: Size, tile: Size): 'cover' | 'contain' {
  if (picture.width <= 0 || picture.height <= 0 || tile.width <= 0 || tile.height <= 0) return 'cover'
  const a = picture.width / picture.height
  const b = tile.width / tile.height
  return 1 - Math.min(a / b, b / a) <= mostCropped ? 'cover' : 'contain'
}
