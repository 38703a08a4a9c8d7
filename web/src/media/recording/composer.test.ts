import { describe, expect, it } from 'vitest'
import { composedSize, fitted, placesOf } from './composer'

describe('the places of tiles in a recording', () => {
  it('are side by side for two', () => {
    const [left, right] = placesOf(2)
    expect(left!.y).toBe(right!.y)
    expect(left!.x + left!.width).toBeLessThanOrEqual(right!.x)
  })

  it.each([1, 2, 3, 4, 5, 7, 9, 16])('do not overlap and lie within, for %d', (n) => {
    const places = placesOf(n)
    expect(places).toHaveLength(n)
    for (const [i, a] of places.entries()) {
      expect(a.x).toBeGreaterThanOrEqual(0)
      expect(a.y).toBeGreaterThanOrEqual(0)
      expect(a.x + a.width).toBeLessThanOrEqual(composedSize.width)
      expect(a.y + a.height).toBeLessThanOrEqual(composedSize.height)
      for (const b of places.slice(i + 1)) {
        expect(a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y).toBe(true)
      }
    }
  })

  it('are none for nobody', () => expect(placesOf(0)).toEqual([]))
})

describe('a picture in its place', () => {
  const place = { x: 100, y: 0, width: 640, height: 360 }
  it.each([
    ['fills it', { width: 1280, height: 720 }, place],
    ['stands upright in the middle', { width: 720, height: 1280 }, { x: 319, y: 0, width: 203, height: 360 }],
    ['keeps its shape when small', { width: 16, height: 16 }, { x: 240, y: 0, width: 360, height: 360 }],
  ])('%s', (_, picture, want) => expect(fitted(picture, place)).toEqual(want))
})
