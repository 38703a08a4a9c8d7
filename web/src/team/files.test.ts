import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { lostWith } from '../files/view'
import { file, turn, until } from '../files/pretended'
import { TeamFiles, type Post } from './files.svelte'

vi.mock('../files/workerdesk', async () => {
  const { LocalDesk } = await import('../files/desk')
  const { MemoryStorage } = await import('../files/storage')
  return { WorkerDesk: class extends LocalDesk { constructor() { super(new MemoryStorage()) } } }
})

/** A room: what is posted to somebody in it reaches them a moment later. */
function room(...names: string[]) {
  const ears = new Map<string, Parameters<Post['overhear']>[1]>()
  const people = names.map((name) => ({ identity: name, name, local: false, ingest: false }))
  const of = (me: string): Post => ({
    async post(to, _, payload) {
      await turn()
      ears.get(to)?.(payload, { identity: me, name: me })
    },
    overhear(_, listener) {
      ears.set(me, listener)
      return () => ears.delete(me)
    },
  })
  return { of, people: (me: string) => people.map((person) => ({ ...person, local: person.identity === me })) }
}

describe('files between people who go from room to room', () => {
  let ada: TeamFiles
  let bo: TeamFiles

  beforeEach(() => {
    ada = new TeamFiles()
    bo = new TeamFiles()
  })
  afterEach(() => {
    ada.close()
    bo.close()
  })

  function meet() {
    const here = room('ada', 'bo')
    const [a, b] = [here.of('ada'), here.of('bo')]
    ada.follow(a, here.people('ada'))
    bo.follow(b, here.people('bo'))
  }

  it('stay when they were received, and go on when they were on their way', async () => {
    meet()
    ada.transfers.offer('bo', file(5000, 'one.bin'))
    ada.transfers.offer('bo', file(5000, 'two.bin'))
    await until(() => bo.transfers.pending.length === 2)
    bo.transfers.accept(bo.transfers.list.find(({ name }) => name === 'one.bin')!)
    await until(() => bo.transfers.unsaved.length === 1)
    ada.leave()
    bo.leave()
    expect(bo.people).toEqual([])
    meet()
    expect(bo.people).toEqual([{ id: 'ada', name: 'ada' }])
    expect(bo.transfers.unsaved.map(({ name }) => name)).toEqual(['one.bin'])
    bo.transfers.accept(bo.transfers.pending[0]!)
    await until(() => bo.transfers.unsaved.length === 2)
    expect(lostWith(bo.transfers)).toBe('unsaved')
  })
})
