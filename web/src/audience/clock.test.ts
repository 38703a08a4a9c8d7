import { render } from 'svelte/server'
import { expect, it, vi } from 'vitest'
import { t } from '../i18n/index.svelte'
import { aheadOf, serverTime } from './clock'
import PkBar from './PkBar.svelte'
import type { PK } from './protocol'
import { emptyState } from './state'
import type { AudienceView } from './view'

it('takes the least late word of the clock', () => {
  const at = (ms: number) => new Date(ms).toISOString()
  const first = aheadOf(at(5000), undefined, 1000)
  expect(first).toBe(4000)
  expect(aheadOf(at(6000), first, 2300)).toBe(4000)
  expect(aheadOf(at(7000), first, 2900)).toBe(4100)
})

it('is the own time until the server has said its own', () => {
  expect(serverTime({ clockAhead: undefined }, 1000)).toBe(1000)
  expect(serverTime({ clockAhead: -400 }, 1000)).toBe(600)
})

it('is what a contest ends by', () => {
  vi.useFakeTimers({ now: Date.parse('2026-01-01T09:00:00Z') })
  const pk: PK = { state: 'running', with: { room: 'jazz', title: 'Jazz' }, scores: { us: 0, them: 0 }, until: '2026-01-01T10:03:07Z' }
  const view = { state: { ...emptyState('show'), clockAhead: 3_600_000 } } as AudienceView
  expect(render(PkBar, { props: { view, pk } }).body).toContain(t().audience.pkLeft('3:07'))
  vi.useRealTimers()
})
