import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { lostAfter, lostWith } from '../files/view'
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

  /** Some of a file has come to Bo. */
  async function halfway() {
    ada.transfers.offer('bo', file(1_000_000, 'half.bin'))
    await until(() => bo.transfers.pending.length === 1)
    bo.transfers.accept(bo.transfers.pending[0]!)
    await until(() => bo.transfers.list[0]!.moved > 100_000)
    expect(bo.transfers.list[0]!.moved).toBeLessThan(900_000)
  }
  const come = (name: string) => () => bo.transfers.unsaved.some((transfer) => transfer.name === name)

  it('stay when they were received, and go on from the middle when they were on their way', async () => {
    meet()
    ada.transfers.offer('bo', file(5000, 'one.bin'))
    await until(() => bo.transfers.pending.length === 1)
    bo.transfers.accept(bo.transfers.pending[0]!)
    await until(come('one.bin'))
    await halfway()
    ada.leave()
    bo.leave()
    expect(bo.people).toEqual([])
    expect(bo.transfers.list[0]).toMatchObject({ name: 'half.bin', phase: 'moving', paused: true })
    const { moved } = bo.transfers.list[0]!
    meet()
    expect(bo.people).toEqual([{ id: 'ada', name: 'ada' }])
    expect(come('one.bin')()).toBe(true)
    await turn()
    expect(bo.transfers.list[0]!.moved).toBeGreaterThanOrEqual(moved)
    await until(come('half.bin'))
    expect(lostWith(bo.transfers)).toBe('unsaved')
  })

  it('go on when only one of two was away', async () => {
    const here = room('ada', 'bo')
    const [a, b] = [here.of('ada'), here.of('bo')]
    ada.follow(a, here.people('ada'))
    bo.follow(b, here.people('bo'))
    await halfway()
    bo.leave()
    ada.follow(a, here.people('ada').filter(({ identity }) => identity !== 'bo'))
    bo.follow(here.of('bo'), here.people('bo')) // a moment before Ada hears of it
    await turn()
    ada.follow(a, here.people('ada'))
    await until(come('half.bin'))
  })

  it('are asked about for what is lost, and not for what others merely offer', async () => {
    meet()
    ada.transfers.offer('bo', file(5000, 'one.bin'))
    await until(() => bo.transfers.pending.length === 1)
    expect([lostWith(ada.transfers), lostWith(bo.transfers)]).toEqual(['unfinished', undefined])
    bo.transfers.accept(bo.transfers.pending[0]!)
    expect(lostWith(bo.transfers)).toBe('unfinished')
    await until(come('one.bin'))
    expect([lostWith(bo.transfers), lostAfter(bo.transfers, 'removed'), lostAfter(bo.transfers, 'left')]).toEqual(['unsaved', 'unsaved', undefined])
  })
})
