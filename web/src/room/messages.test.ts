import type { Participant, Room } from 'livekit-client'
import { expect, it } from 'vitest'
import { encodeChat } from './chat'
import { Messages } from './messages.svelte'

it('tells messages apart that their sender calls the same, however many there were', () => {
  const chat = new Messages({} as Room, 'Ada')
  const bo = { sid: 'PA_b', identity: 'bo', name: 'Bo' } as Participant
  for (let i = 0; i < 510; i++) chat.hear(encodeChat({ id: 'same', timestamp: Date.now(), message: `${i}` }), bo)
  expect(chat.kept.count).toBe(510)
  expect(chat.kept.list.map(({ text }) => text).slice(-2)).toEqual(['508', '509'])
  expect(new Set(chat.kept.list.map(({ id }) => id)).size).toBe(chat.kept.list.length)
})
