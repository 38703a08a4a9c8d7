import { describe, expect, it } from 'vitest'
import type { ParticipantDetail, ParticipantSummary } from '../api/types'
import { addPerson, byHealth, emptyPerson, joinTime, milliseconds, percent, programOf } from './figures'

const person = (change: Partial<ParticipantSummary>): ParticipantSummary => ({
  sid: 'PA_1', identity: 'ada', name: 'Ada', kind: 'person', joinedAt: '', client: {}, in: { tracks: 0, bitrate: 0, loss: 0 },
  out: { tracks: 0, bitrate: 0, loss: 0 }, freezes: 0, suspended: 0, limited: 0, ...change,
})

describe('figures of participants', () => {
  it('are written as people read them', () => {
    expect([0, 0.0004, 0.031, 0.4].map(percent)).toEqual(['0 %', '0.0 %', '3.1 %', '40 %'])
    expect([undefined, 0.0004, 0.02, 1.2].map(milliseconds)).toEqual(['–', '0.4 ms', '20 ms', '1200 ms'])
  })
  it('name the browser, or what there is', () => {
    expect(programOf(person({ client: { door: 'livekit', sdk: 'js', version: '2.23.0', browser: 'Firefox 153', os: 'Linux' } }))).toBe('Firefox 153 · Linux · js 2.23.0')
    expect(programOf(person({ client: { door: 'rtmp' } }))).toBe('rtmp')
  })
  it('say how long joining took, this time', () => {
    const joined = (...timeline: { at: string; what: string }[]) =>
      joinTime({ ...person({ joinedAt: '2026-11-28T10:00:01.250Z' }), connections: [], tracks: [], subscriptions: [], timeline } as ParticipantDetail)
    const before = { at: '2026-11-28T09:00:00Z', what: 'connected' }
    expect(joined(before, { at: '2026-11-28T10:00:01.250Z', what: 'joined' }, { at: '2026-11-28T10:00:01.700Z', what: 'connected' })).toBe(0.45)
    expect(joined(before)).toBeUndefined()
  })
  it('put those first who fare badly', () => {
    const list = [person({ name: 'A', health: 'good' }), person({ name: 'B' }), person({ name: 'C', health: 'poor' }), person({ name: 'D', health: 'fair' })]
    expect(list.sort(byHealth).map((p) => p.name)).toEqual(['C', 'D', 'A', 'B'])
  })
  it('are kept for some minutes', () => {
    let history = emptyPerson
    for (let i = 0; i < 400; i++) history = addPerson(history, i, person({ rtt: i }))
    expect(history.at.length).toBe(150)
    expect(history.rtt.at(-1)).toBe(399)
    expect(history.at[0]).toBe(250)
  })
})
