import { describe, expect, it } from 'vitest'
import { facingOf, mirrors, otherSide } from './facing'

const looking = (facingMode?: string) => ({ getSettings: () => (facingMode === undefined ? {} : { facingMode }) }) as MediaStreamTrack

describe('where a camera looks', () => {
  it.each([
    ['user', 2, 'environment'],
    ['environment', 3, 'user'],
    ['user', 1, undefined],
    ['left', 2, undefined],
    [undefined, 2, undefined],
  ])('%s of %i cameras turns to %s', (facing, cameras, to) => {
    expect(otherSide(looking(facing), cameras)).toBe(to)
  })

  it('nowhere without a camera', () => {
    expect(facingOf(undefined)).toBeUndefined()
    expect(otherSide(undefined, 2)).toBeUndefined()
  })

  it('mirrors all but what is shown to others', () => {
    expect(mirrors(looking('environment'))).toBe(false)
    for (const track of [looking('user'), looking(), undefined]) expect(mirrors(track)).toBe(true)
  })
})
