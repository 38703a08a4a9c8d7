import { describe, expect, it } from 'vitest'
import { Rate } from './rate'

describe('rate', () => {
  it('is not known at first', () => {
    const rate = new Rate()
    expect(rate.perSecond).toBe(0)
    rate.note(0, 0)
    rate.note(100, 5000)
    expect(rate.perSecond).toBe(0)
  })

  it('follows the last seconds', () => {
    const rate = new Rate()
    for (let at = 0; at <= 20_000; at += 250) rate.note(at, at < 10_000 ? at : 10_000 + (at - 10_000) * 4)
    expect(rate.perSecond).toBeCloseTo(4000, -1)
  })

  it('does not count a pause, nor a step back', () => {
    const rate = new Rate()
    rate.note(0, 0)
    rate.note(1000, 1000)
    rate.note(60_000, 1000)
    rate.note(61_000, 3000)
    expect(rate.perSecond).toBe(2000)
    rate.note(62_000, 500)
    expect(rate.perSecond).toBe(0)
  })
})
