import { expect, it } from 'vitest'
import { candidates, nameOf } from './candidates'
import type { ChatMessage } from './protocol'

const said = (identity: string, role: ChatMessage['from']['role'] = 'audience', system = false): ChatMessage => ({
  id: identity, at: '', from: { identity, name: identity.toUpperCase(), role }, text: '', system,
})

it('lists raised hands, then who wrote last, and nobody who is on stage', () => {
  const list = candidates({
    you: { identity: 'me', name: '', role: 'host' },
    stage: {
      host: { identity: 'me', name: '', connected: true }, cohosts: [], queueLength: 1, queue: [{ identity: 'c', name: 'C', at: '' }],
      seats: [{ n: 1, state: 'open', who: { identity: 'b', name: 'B', role: 'speaker', connected: true } }],
    },
    messages: [said('a'), said('b'), said('room', 'audience', true), said('c'), said('me', 'host'), said('d')],
  })
  expect(list.map(({ identity }) => identity)).toEqual(['c', 'd', 'a'])
})

it('knows what somebody is called by what they wrote last, and nothing of others', () => {
  const state = { stage: { host: null, cohosts: [], queueLength: 0, seats: [] }, messages: [said('a'), { ...said('a'), from: { identity: 'a', name: 'New', role: 'audience' as const } }] }
  expect(nameOf(state, 'a')).toBe('New')
  expect(nameOf(state, 'b')).toBe('')
  expect(nameOf(state, undefined)).toBe('')
})
