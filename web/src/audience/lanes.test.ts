import { expect, it } from 'vitest'
import { Lanes } from './lanes'

it('gives the first lane until its message has left the edge, and none when all are full', () => {
  const lanes = new Lanes()
  const take = (now: number, length = 100) => lanes.take(2, now, 400, length, 5000)
  expect([take(0), take(0), take(0)]).toEqual([0, 1, -1])
  expect(take(1300)).toBe(0)
})

it('does not let a faster message run into a slower one', () => {
  const lanes = new Lanes()
  expect(lanes.take(2, 0, 400, 40, 8000)).toBe(0)
  // The long one would cross the width in 2 s and meet the first, which is gone only after 8 s.
  expect(lanes.take(2, 2000, 400, 400, 4000)).toBe(1)
  expect(lanes.take(2, 6500, 400, 400, 4000)).toBe(0)
})
