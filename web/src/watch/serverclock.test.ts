import { expect, it } from 'vitest'
import { ServerClock } from './serverclock'

const start = Date.UTC(2026, 0, 1)

it('knows nothing before it heard anything', () => {
  const clock = new ServerClock()
  clock.heard(null, null, start)
  clock.heard('nonsense', null, start)
  expect(clock.at(start)).toBeUndefined()
})

it('comes close to a clock that is ahead or behind, over answers that take time', () => {
  for (const ahead of [-90_000, 0, 47_300]) {
    const clock = new ServerClock()
    for (let i = 0; i < 20; i++) {
      const sent = start + i * 2130
      const received = sent + 20 + (i % 3) * 30
      clock.heard(new Date(sent + ahead).toUTCString(), null, received)
    }
    const error = clock.at(start)! - (start + ahead)
    expect(error).toBeLessThanOrEqual(0)
    expect(error).toBeGreaterThan(-200)
  }
})

it('adds how long an answer lay in a cache', () => {
  const clock = new ServerClock()
  clock.heard(new Date(start).toUTCString(), '4', start + 4000)
  expect(clock.at(start)).toBe(start)
})
