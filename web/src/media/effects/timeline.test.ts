import { describe, expect, it } from 'vitest'
import { Timeline } from './timeline'

describe('the timeline of filtered frames', () => {
  it("keeps a source's own timestamps", () => {
    const line = new Timeline()
    expect([5_000, 38_000, 71_000].map((t, i) => line.next(t, i * 33))).toEqual([5_000, 38_000, 71_000])
  })

  it('goes on by the time that passed when the source changes', () => {
    const line = new Timeline()
    line.next(9_000_000, 100)
    line.change()
    expect(line.next(20, 150)).toBe(9_050_000)
    expect(line.next(33_020, 183)).toBe(9_083_000)
  })

  it('never stands still or goes back', () => {
    const line = new Timeline()
    expect(line.next(1000, 0)).toBe(1000)
    expect(line.next(1000, 33)).toBe(1001)
    expect(line.next(10, 66)).toBe(1002)
  })

  it('may change before the first frame', () => {
    const line = new Timeline()
    line.change()
    expect(line.next(7, 0)).toBe(7)
  })
})
