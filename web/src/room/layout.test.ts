import { describe, expect, it } from 'vitest'
import { bestGrid, fitOf } from './layout'

const desktop = { width: 1400, height: 760 }
const phone = { width: 360, height: 600 }

describe('grid', () => {
  it.each([
    [1, desktop, 1],
    [2, desktop, 2],
    [3, desktop, 2],
    [4, desktop, 2],
    [5, desktop, 3],
    [9, desktop, 3],
    [16, desktop, 4],
    [1, phone, 1],
    [2, phone, 1],
    [6, phone, 2],
  ])('%i tiles', (n, area, columns) => expect(bestGrid(n, area, 8).columns).toBe(columns))

  it('fits into its area', () => {
    for (const area of [desktop, phone, { width: 844, height: 250 }]) {
      for (let n = 1; n <= 50; n++) {
        const { columns, rows, tile } = bestGrid(n, area, 4)
        expect(columns * tile.width + 4 * (columns - 1)).toBeLessThanOrEqual(area.width)
        expect(rows * tile.height + 4 * (rows - 1)).toBeLessThanOrEqual(area.height)
        expect(columns * rows).toBeGreaterThanOrEqual(n)
      }
    }
  })

  it('survives an area of nothing', () => expect(bestGrid(3, { width: 0, height: 0 }, 8).tile.width).toBe(0))
})

describe('fit', () => {
  it.each([
    ['same shape', { width: 1280, height: 720 }, { width: 640, height: 360 }, 'cover'],
    ['nearly', { width: 1280, height: 720 }, { width: 600, height: 380 }, 'cover'],
    ['upright picture in a wide tile', { width: 720, height: 1280 }, { width: 640, height: 360 }, 'contain'],
    ['wide picture in an upright tile', { width: 1280, height: 720 }, { width: 300, height: 400 }, 'contain'],
    ['not known yet', { width: 0, height: 0 }, { width: 300, height: 400 }, 'cover'],
  ] as const)('%s', (_, picture, tile, want) => expect(fitOf(picture, tile)).toBe(want))
})
