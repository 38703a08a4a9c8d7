import { maxPoints } from './wire'

/**
 * Leaves out the points of a line (x, y, x, y, …) that lie within `tolerance` of the line without them (Ramer, Douglas and
 * Peucker), and rounds the others.
 */
export function simplify(points: number[], tolerance: number): number[] {
  const n = points.length / 2
  if (n < 3) return points.map(Math.round)
  const keep = new Uint8Array(n)
  keep[0] = keep[n - 1] = 1
  const parts: [number, number][] = [[0, n - 1]]
  for (let part = parts.pop(); part; part = parts.pop()) {
    const [from, to] = part
    let farthest = 0
    let at = -1
    for (let i = from + 1; i < to; i++) {
      const away = distance(points, i, from, to)
      if (away > farthest) [farthest, at] = [away, i]
    }
    if (farthest > tolerance) {
      keep[at] = 1
      parts.push([from, at], [at, to])
    }
  }
  const kept: number[] = []
  for (let i = 0; i < n; i++) if (keep[i]) kept.push(Math.round(points[2 * i]!), Math.round(points[2 * i + 1]!))
  return kept
}

/** How far a point is from the stretch between two others. */
function distance(p: number[], i: number, a: number, b: number): number {
  const [x, y, ax, ay] = [p[2 * i]!, p[2 * i + 1]!, p[2 * a]!, p[2 * a + 1]!]
  const [dx, dy] = [p[2 * b]! - ax, p[2 * b + 1]! - ay]
  const length = dx * dx + dy * dy
  const t = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length))
  return Math.hypot(x - ax - t * dx, y - ay - t * dy)
}

/** Cuts a line into pieces that an element may have; each begins where the one before ends. */
export function pieces(points: number[], most = maxPoints): number[][] {
  const all: number[][] = []
  for (let from = 0; from === 0 || from < points.length - 2; from += most - 2) all.push(points.slice(from, from + most))
  return all
}
