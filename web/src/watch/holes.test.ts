import { expect, it } from 'vitest'
import { beyondHole } from './holes'

const ranges = (...list: [number, number][]) => ({ length: list.length, start: (i: number) => list[i]![0], end: (i: number) => list[i]![1] })
const holed = ranges([0, 13.7], [16.6, 17])

it.each([
  ['nothing is buffered', ranges(), 0, undefined],
  ['there is no hole', ranges([0, 20]), 19.9, undefined],
  ['the hole is still to come', holed, 13, undefined],
  ['it stands before it', holed, 13.6, 16.6],
  ['the sound has gone on in it', holed, 15.8, 16.6],
  ['the sound has gone on beyond it', holed, 16.7, 16.7],
  ['not enough has come behind it', ranges([0, 13.7], [16.6, 16.7]), 13.6, undefined],
  ['a second hole is still to come', ranges([0, 10], [12, 13], [15, 20]), 9.9, 12],
  ['it stands before the second', ranges([0, 10], [12, 13], [15, 20]), 13, 15],
])('%s', (_, buffered, at, expected) => expect(beyondHole(buffered, at, 0.2, 0)).toBe(expected))

it('goes over each hole once', () => {
  const passed = beyondHole(holed, 16.7, 0.2, 0)!
  expect(beyondHole(holed, 16.71, 0.2, passed)).toBeUndefined()
})
