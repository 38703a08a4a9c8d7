import { expect, it } from 'vitest'
import { lineAt, positionOf } from './clock'

const song = { id: 's1', title: 'a', singers: [], position: 12, turn: 0 }

it('finds the line that is sung', () => {
  const lines = [{ at: 1 }, { at: 2 }, { at: 2 }, { at: 9 }]
  expect([0, 1, 1.9, 2, 8.9, 99].map((at) => lineAt(lines, at))).toEqual([-1, 0, 0, 2, 2, 3])
  expect(lineAt([], 5)).toBe(-1)
})

it('knows where a song is in what is heard', () => {
  expect(positionOf(song, 0, 3)).toBe(12)
  expect(positionOf({ ...song, began: new Date(10_000).toISOString() }, 15_000, 1.5)).toBe(3.5)
})
