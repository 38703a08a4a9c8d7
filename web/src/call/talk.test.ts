import { describe, expect, it } from 'vitest'
import { Talk } from './talk.svelte'

describe('a talk', () => {
  it('begins when somebody is reached and lasts while the connection is broken', () => {
    const talk = new Talk()
    talk.follow('alone', [], 1000)
    talk.follow('connecting', ['Bo'], 2000)
    expect(talk.since).toBe(0)
    talk.follow('connected', ['Bo'], 5000)
    talk.follow('reconnecting', ['Bo'], 20_000)
    talk.follow('connected', ['Bo'], 30_000)
    expect(talk.since).toBe(5000)
    expect(talk.parted).toBeUndefined()
  })

  it('is over when the other one is gone, and the next one begins anew', () => {
    const talk = new Talk()
    talk.follow('connected', ['Bo'], 5000)
    talk.follow('alone', [], 65_000)
    expect(talk.parted).toEqual({ name: 'Bo', seconds: 60 })
    expect(talk.since).toBe(0)
    talk.follow('alone', [], 80_000)
    expect(talk.parted).toEqual({ name: 'Bo', seconds: 60 })
    talk.follow('connected', ['Cy'], 90_000)
    talk.follow('over', [], 95_000)
    expect(talk.parted).toEqual({ name: 'Cy', seconds: 5 })
  })

  it('that never came about leaves nothing', () => {
    const talk = new Talk()
    talk.follow('alone', [], 1000)
    talk.follow('over', [], 2000)
    expect(talk.parted).toBeUndefined()
  })
})
