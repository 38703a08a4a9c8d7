import type { Playing } from '../audience/protocol'

/** Where a song is in what is heard, in seconds, by the server's clock and how late one hears; before its beginning it is negative. */
export function positionOf(playing: Playing, serverNow: number, delay: number): number {
  return playing.began ? (serverNow - Date.parse(playing.began)) / 1000 - delay : playing.position
}

/** The line that is sung at a place in a song: its index, -1 before the first. */
export function lineAt(lines: readonly { at: number }[], position: number): number {
  let low = 0
  let high = lines.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (lines[middle]!.at <= position) low = middle + 1
    else high = middle
  }
  return low - 1
}
