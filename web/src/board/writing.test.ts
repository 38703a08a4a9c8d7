import { expect, it } from 'vitest'
import { BoardModel } from './model.svelte'
import { maxTextBytes } from './wire'
import { put } from './writing'

const style = { color: 'black', size: 1, fill: false } as const

function board() {
  const model = new BoardModel(() => 'ada', () => {})
  model.load({ on: true, pages: ['p1', 'p2'], shown: 'p1', contents: [] })
  const texts = () => ['p1', 'p2'].map((page) => model.elements(page).map(({ text }) => text))
  return { model, texts, turn: (shown: string) => model.takeState({ ...model.state, shown }) }
}

it('puts a text onto the page on which it was begun, whichever is shown when it ends', () => {
  const { model, texts, turn } = board()
  const writing = { page: model.state.shown, x: 10, y: 20 }
  turn('p2')
  put(model, writing, 'x squared', style)
  expect(texts()).toEqual([['x squared'], []])
})

it('changes a text, and takes it away, on its own page', () => {
  const { model, texts, turn } = board()
  put(model, { page: 'p1', x: 10, y: 20 }, 'x', style)
  const [{ id, v: _, ...look }] = model.elements('p1') as [ReturnType<BoardModel['elements']>[0]]
  const writing = { page: 'p1', x: 10, y: 20, id, look }
  turn('p2')
  put(model, writing, 'y', style)
  expect(texts()).toEqual([['y'], []])
  put(model, writing, ' \n', style)
  expect(texts()).toEqual([[], []])
})

it('puts no more of a text than an element may have, and no empty one', () => {
  const { model, texts } = board()
  put(model, { page: 'p1', x: 0, y: 0 }, '  \n', style)
  put(model, { page: 'p1', x: 0, y: 0 }, '好'.repeat(maxTextBytes), style)
  expect(texts()).toEqual([['好'.repeat(Math.floor(maxTextBytes / 3))], []])
})
