import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Allowance } from './allowance'
import { Reactions, readReaction } from './reactions.svelte'

const bytes = (text: string) => new TextEncoder().encode(text)

describe('an allowance', () => {
  it('is used up, and grows again with time', () => {
    const allowance = new Allowance(2, 100)
    expect([0, 0, 0, 99, 100, 100, 1000, 1000, 1000].map((now) => allowance.take(now))).toEqual([true, true, false, false, true, false, true, true, false])
  })

  it('loses nothing to a clock that steps back', () => {
    const allowance = new Allowance(1, 100)
    expect([500, 400, 500].map((now) => allowance.take(now))).toEqual([true, false, true])
  })
})

describe('a reaction', () => {
  it.each([
    ['{"reaction":"heart"}', 'heart'],
    ['{"reaction":"<b>"}', undefined],
    ['{"reaction":["heart"]}', undefined],
    ['null', undefined],
    ['{', undefined],
    [`{"reaction":"heart","more":"${'x'.repeat(100)}"}`, undefined],
  ])('is read from %s', (text, want) => expect(readReaction(bytes(text))).toBe(want))
})

describe('reactions', () => {
  const ada = { identity: 'a', name: 'Ada' }
  const bo = { identity: 'b', name: 'Bo' }
  let hear: (payload: Uint8Array, from: typeof bo) => void
  const sent: string[] = []
  const way = {
    whisper: (_: string, payload: Uint8Array) => void sent.push(new TextDecoder().decode(payload)),
    overhear: (_: string, listener: typeof hear) => ((hear = listener), () => {}),
  }
  beforeEach(() => {
    vi.useFakeTimers()
    sent.length = 0
  })
  afterEach(() => vi.useRealTimers())

  it('are sent, are seen at once, and go', () => {
    const all = new Reactions(way, () => ada, () => true)
    all.react('party')
    expect(sent).toEqual(['{"reaction":"party"}'])
    expect(all.list).toMatchObject([{ identity: 'a', reaction: 'party' }])
    expect(all.last).toBeUndefined()
    vi.advanceTimersByTime(3000)
    expect(all.list).toEqual([])
  })

  it('are not sent by who does it too often or may not', () => {
    const all = new Reactions(way, () => ada, () => true)
    for (let i = 0; i < 20; i++) all.react('clap')
    expect(sent).toHaveLength(5)
    vi.advanceTimersByTime(400)
    all.react('clap')
    expect(sent).toHaveLength(6)
    new Reactions(way, () => ada, () => false).react('clap')
    expect(sent).toHaveLength(6)
  })

  it('of one who floods the room are few, and of the others all', () => {
    const all = new Reactions(way, () => ada, () => true)
    for (let i = 0; i < 200; i++) hear(bytes('{"reaction":"laugh"}'), bo)
    hear(bytes('{"reaction":"wow"}'), { identity: 'c', name: 'Cy' })
    expect(all.list.filter(({ identity }) => identity === 'b')).toHaveLength(8)
    expect(all.last).toMatchObject({ identity: 'c', name: 'Cy', reaction: 'wow' })
  })

  it('are never more than fit', () => {
    const all = new Reactions(way, () => ada, () => true)
    for (let i = 0; i < 100; i++) hear(bytes('{"reaction":"wow"}'), { identity: `x${i}`, name: '' })
    expect(all.list).toHaveLength(40)
  })
})
