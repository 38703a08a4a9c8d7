import { expect, it } from 'vitest'
import { pace } from './pace'

it.each([
  ['where it should be', { late: 0, ahead: 1 }, 1],
  ['a little late', { late: 0.4, ahead: 1.2 }, 1.05],
  ['late', { late: 2, ahead: 3 }, 1.12],
  ['very late', { late: 6, ahead: 7 }, 1.25],
  ['late, with nothing in front', { late: 3, ahead: 0.3 }, 1],
  ['about to run dry', { late: 0.2, ahead: 0.1 }, 0.95],
  ['ahead', { late: -0.5, ahead: 0.5 }, 1],
])('%s', (_, place, rate) => expect(pace(place)).toBeCloseTo(rate, 5))

it('comes back to the edge in a simulated minute, and stays there', () => {
  let late = 5
  const times: number[] = []
  for (let t = 0; t < 60; t += 0.25) {
    late -= (pace({ late, ahead: 1.05 + late - 0.3 }) - 1) * 0.25
    times.push(late)
  }
  expect(times.at(-1)).toBeLessThan(0.2)
  expect(Math.min(...times)).toBeGreaterThan(0)
})
