import { expect, test } from 'vitest'
import { stepOf, type Standing } from './turn'

const plays = { id: 'a', began: '2026-01-01T00:00:00Z' }
const stands = { id: 'a' }
const idle: Standing = { song: undefined, turn: false, before: '', loaded: '', playing: false, here: false }

test.each<[string, Partial<Standing>, string]>([
  ['nothing is sung', {}, 'none'],
  ['another sings', { song: plays }, 'none'],
  ['one sings', { song: plays, turn: true, before: 'a', loaded: 'a', playing: true, here: true }, 'none'],
  ['one paused', { song: stands, turn: true, before: 'a', loaded: 'a', here: true }, 'none'],
  ['the own song comes, and stands', { song: stands, turn: true, here: true }, 'none'],
  ['the song was handed over', { song: plays, turn: true, here: true }, 'goOn'],
  ['the page was loaded anew, and the file is gone', { song: plays, turn: true }, 'stand'],
  ['one has asked for it to stand', { song: plays, turn: true, before: 'a' }, 'none'],
  ['one handed it over', { song: plays, before: 'a', loaded: 'a', playing: true, here: true }, 'pause'],
  ['one handed it over while it was about to play', { song: plays, before: 'a', loaded: 'a', here: true }, 'pause'],
  ['the next sings', { song: { id: 'b' }, before: 'a', loaded: 'a', playing: true }, 'stop'],
  ['the own next song has the turn', { song: { id: 'b' }, turn: true, before: 'a', loaded: 'a', playing: true }, 'stop'],
  ['the songs are over', { before: 'a', loaded: 'a' }, 'stop'],
  ['the song was ended while it was fetched', { before: 'a' }, 'pause'],
])('%s', (_, standing, step) => {
  expect(stepOf({ ...idle, ...standing })).toBe(step)
})
