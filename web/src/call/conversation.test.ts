import { expect, it } from 'vitest'
import { encodeChat } from '../room/chat'
import { Conversation } from './conversation.svelte'
import { Roster } from './roster'

it('tells messages apart that their sender calls the same, however many there were', () => {
  const roster = new Roster(() => {})
  const talk = new Conversation(() => ({ you: 'ada', name: 'Ada', roster, links: [] }))
  for (let i = 0; i < 510; i++) talk.read('bo', 'Bo', encodeChat({ id: '', timestamp: Date.now(), message: `${i}` }))
  expect(talk.kept.count).toBe(510)
  expect(talk.kept.list.map(({ text }) => text).slice(-2)).toEqual(['508', '509'])
  expect(new Set(talk.kept.list.map(({ id }) => id)).size).toBe(talk.kept.list.length)
})
