import { render } from 'svelte/server'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RollCall } from '../audience/protocol'
import type { AudienceView } from '../audience/view'
import { t } from '../i18n/index.svelte'
import { RollLink } from './roll.svelte'
import RollPanel from './RollPanel.svelte'

const begun = '2026-01-01T10:00:00Z'
const call = (change: Partial<RollCall> = {}): RollCall => ({ number: 1, begun, ends: '2026-01-01T10:01:00Z', open: true, answered: 0, of: 2, ...change })

describe('a roll call', () => {
  let roll: RollLink
  const heard = (change?: Partial<RollCall>) => roll.heard({ type: 'rollcall', ...call(change) })

  beforeEach(() => {
    vi.stubGlobal('navigator', { language: 'en', languages: ['en'] })
    roll = new RollLink({ do: async () => true, state: { you: { role: 'audience' } } } as unknown as AudienceView, 'class', () => ({ key: '' }))
  })
  afterEach(() => {
    vi.unstubAllGlobals()
    vi.useRealTimers()
  })

  it.each([
    ['a clock that is right', 30_000], ['what is told late', 61_000], ['a clock that is years ahead', 5 * 365 * 86_400_000], ['a clock that is years behind', -5 * 365 * 86_400_000],
  ])('goes on for as long as the server says: %s', (_, passed) => {
    const now = Date.parse(begun) + passed
    vi.useFakeTimers({ now })
    const panel = () => render(RollPanel, { props: { view: roll, now } }).body
    heard()
    expect(roll.asks).toBe(true)
    expect(panel()).toContain(t().classroom.rollEnd)
    heard({ open: false })
    expect(roll.asks).toBe(false)
    expect(panel()).toContain(t().classroom.rollOver)
  })

  it('is answered until another begins, also where their numbers begin anew', async () => {
    heard()
    await roll.answer()
    heard({ answered: 1 })
    expect(roll.asks).toBe(false)
    heard({ begun: '2026-01-02T10:00:00Z' })
    expect(roll.asks).toBe(true)
  })
})
