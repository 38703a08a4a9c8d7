import { expect, it } from 'vitest'
import { addFigures, emptyHistory } from './history'

it('keeps the last minutes in order', () => {
  let history = emptyHistory
  for (let i = 0; i < 400; i++) history = addFigures(history, i, i * 10, i % 7)
  expect(history.at.length).toBe(150)
  expect(history.at[0]).toBe(250)
  expect(history.bitrate.at(-1)).toBe(3990)
  expect(history.viewers.length).toBe(150)
})
