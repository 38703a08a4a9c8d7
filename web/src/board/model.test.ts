import { describe, expect, it } from 'vitest'
import { BoardModel } from './model.svelte'
import { pieces, simplify } from './stroke'
import { parcels, type Drawing, type Look } from './wire'

const pen = (x: number): Look => ({ kind: 'pen', color: 'black', size: 4, x, points: [0, 0, 5, 5] })

function board(me = 'ada') {
  const sent: Drawing[] = []
  const model = new BoardModel(() => me, (drawing) => sent.push(drawing))
  model.load({ on: true, pages: ['p1', 'p2'], shown: 'p1', contents: [] })
  return { model, sent, xs: () => model.elements('p1').map((e) => e.x) }
}

describe('the board', () => {
  it('shows at once what is drawn here, and sends it with a version', () => {
    const { model, sent, xs } = board()
    model.put('p1', { a: pen(1) })
    model.put('p1', { a: pen(2) })
    expect(xs()).toEqual([2])
    expect(sent.map((d) => d.put.map((e) => [e.id, e.v, e.by]))).toEqual([[['a', 1, undefined]], [['a', 2, undefined]]])
  })

  it('keeps the higher version, and of equal ones that of the higher identity, in any order', () => {
    const versions = [
      { id: 'a', v: 1, by: 'ada', ...pen(1) }, { id: 'a', v: 2, by: 'bob', ...pen(2) }, { id: 'a', v: 2, by: 'eve', ...pen(3) }, { id: 'a', v: 1, by: 'eve', ...pen(4) },
    ]
    for (const order of [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 2, 0, 0, 1]]) {
      const { model, xs } = board()
      for (const i of order) model.take({ page: 'p1', put: [versions[i]!] })
      expect(xs()).toEqual([3])
    }
  })

  it('undoes and redoes what was done here', () => {
    const { model, xs } = board()
    model.put('p1', { a: pen(1) })
    model.put('p1', { a: pen(2), b: pen(9) })
    model.put('p1', { a: undefined })
    expect(xs()).toEqual([9])
    model.undo()
    expect(xs()).toEqual([2, 9])
    model.undo()
    model.undo()
    expect([xs(), model.canUndo, model.canRedo]).toEqual([[], false, true])
    for (let i = 0; i < 3; i++) model.redo()
    expect([xs(), model.canUndo, model.canRedo]).toEqual([[9], true, false])
  })

  it('does not undo what somebody else changed since', () => {
    const { model, xs } = board()
    model.put('p1', { a: pen(1) })
    model.take({ page: 'p1', put: [{ id: 'a', v: 2, by: 'bob', ...pen(5) }] })
    model.undo()
    expect([xs(), model.canUndo]).toEqual([[5], false])
  })

  it('forgets the pages that are gone', () => {
    const { model, xs } = board()
    model.put('p1', { a: pen(1) })
    model.takeState({ on: true, pages: ['p3', 'p2'], shown: 'p3' })
    expect([xs(), model.canUndo]).toEqual([[], false])
  })

  it('shows a line while it is drawn, until it is finished or forgotten', () => {
    const { model } = board()
    const trace = { page: 'p1', id: 's', kind: 'pen' as const, color: 'red' as const, size: 4, points: [1, 2] }
    model.takeTrace(trace, 0)
    model.takeTrace({ ...trace, points: [3, 4] }, 100)
    expect(model.traces('p1', 200)[0]?.points).toEqual([1, 2, 3, 4])
    expect(model.traces('p1', 9000)).toEqual([])
    model.takeTrace(trace, 9000)
    model.take({ page: 'p1', put: [{ id: 's', v: 1, by: 'bob', ...pen(0) }] })
    model.takeTrace(trace, 9001)
    expect(model.traces('p1', 9001)).toEqual([])
  })
})

describe('messages', () => {
  it('are taken apart when they are large', () => {
    const put = Array.from({ length: 250 }, (_, i) => ({ id: `e${i}`, v: 1, gone: true }))
    expect(parcels({ page: 'p1', put }).map((d) => d.put.length)).toEqual([100, 100, 50])
    const long = Array.from({ length: 9 }, (_, i) => ({ id: `e${i}`, v: 1, ...pen(0), points: Array(600).fill(1000) }))
    for (const d of parcels({ page: 'p1', put: long })) expect(JSON.stringify(d).length).toBeLessThan(16 << 10)
  })
})

describe('a line', () => {
  it('loses the points that nobody would miss', () => {
    const straight = Array.from({ length: 100 }, (_, i) => [i, i + 0.2 * Math.sin(i)]).flat()
    expect(simplify(straight, 1)).toEqual([0, 0, 99, 99])
    const corner = [0, 0, 50, 0.3, 100, 0, 100, 50, 100.4, 100]
    expect(simplify(corner, 1)).toEqual([0, 0, 100, 0, 100, 100])
  })

  it('is cut into pieces that hang together', () => {
    const points = Array.from({ length: 50 }, (_, i) => i)
    const parts = pieces(points, 20)
    expect(parts.map((p) => p.length)).toEqual([20, 20, 14])
    expect(parts[1]!.slice(0, 2)).toEqual(parts[0]!.slice(-2))
    expect(pieces([1, 2])).toEqual([[1, 2]])
  })
})
