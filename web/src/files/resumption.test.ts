import { describe, expect, it } from 'vitest'
import type { Pipe } from '../call/pipe'
import { file, hash, person, pipes, received, turn, two, until, type FakePipe } from './pretended'
import { MemoryStorage } from './storage'

describe('a broken connection', () => {
  it.each([1, 2, 5])('%i times interrupts without starting over', async (times) => {
    const { ada, bo, connect } = two()
    const size = 6_000_000
    const sent = file(size)
    const ends: FakePipe[] = []
    const again = () => ends.push(connect()[0])
    again()
    const out = ada.offer('bo', sent)
    await until(() => bo.pending.length === 1)
    const into = bo.list[0]!
    bo.accept(into)
    for (let i = 1; i <= times; i++) {
      await until(() => into.moved > (size * i) / (times + 1))
      ends.at(-1)!.cut()
      expect(out.paused && into.paused).toBe(true)
      again()
    }
    await until(() => out.phase === 'done')
    expect(await hash((await received(bo)).file)).toBe(await hash(sent))
    const over = ends.reduce((sum, { bytes }) => sum + bytes, 0)
    // What was under way is sent again, and no more.
    expect(over).toBeLessThan(size * 1.02 + times * 10 * 16_000)
  })

  it('only one side notices at first', async () => {
    const { ada, bo, connect } = two()
    connect()
    const sent = file(3_000_000)
    const out = ada.offer('bo', sent)
    await until(() => bo.pending.length === 1)
    bo.accept(bo.list[0]!)
    await until(() => bo.list[0]!.moved > 500_000)
    // Bo has a new pipe and Ada takes longer to see it: what Bo says meanwhile is lost on her.
    const [a, b] = pipes()
    bo.attach(b)
    await turn()
    await turn()
    ada.attach(a)
    await until(() => out.phase === 'done')
    expect(await hash((await received(bo)).file)).toBe(await hash(sent))
  })

  it('is followed by a pipe that has held messages for its reader', async () => {
    const { ada, bo, connect } = two()
    const [first] = connect()
    const out = ada.offer('bo', file(100_000))
    await until(() => bo.pending.length === 1)
    first.cut()
    const [a, b] = pipes()
    const held: Uint8Array<ArrayBuffer>[] = []
    b.onmessage = (message) => held.push(message)
    ada.attach(a)
    await until(() => held.length > 0)
    let reader: Pipe['onmessage']
    Object.defineProperty(b, 'onmessage', {
      get: () => reader,
      set(next: Pipe['onmessage']) {
        reader = next
        for (const message of held.splice(0)) next?.(message)
      },
    })
    bo.attach(b)
    bo.accept(bo.list[0]!)
    await until(() => out.phase === 'done')
  })

  it('may come right before the last word', async () => {
    for (const last of ['end', 'done'] as const) {
      const { ada, bo, connect } = two()
      const [a, b] = connect()
      const out = ada.offer('bo', file(50_000))
      await until(() => bo.pending.length === 1)
      bo.accept(bo.list[0]!)
      await until(() => (last === 'end' ? a : b).sent.some(({ type }) => type === last))
      a.cut()
      connect()
      await until(() => out.phase === 'done' && bo.list[0]!.phase === 'done')
    }
  })

  it('takes nothing of what was answered without one', async () => {
    const answers = { accept: 'done', refuse: 'refused', cancel: 'cancelled' } as const
    for (const [answer, phase] of Object.entries(answers)) {
      const { ada, bo, connect } = two()
      const [a] = connect()
      const out = ada.offer('bo', file(50_000))
      await until(() => bo.pending.length === 1)
      a.cut()
      bo[answer as keyof typeof answers](bo.list[0]!)
      connect()
      await until(() => out.phase === phase)
    }
  })

  it('cancelled by the sender without one, or lost with their page: the receiver is told', async () => {
    const { ada, bo, connect } = two()
    const [a] = connect()
    const out = ada.offer('bo', file(2_000_000))
    await until(() => bo.pending.length === 1)
    bo.accept(bo.list[0]!)
    await until(() => bo.list[0]!.moved > 100_000)
    a.cut()
    ada.cancel(out)
    connect()
    await until(() => bo.list[0]!.phase === 'failed')
    expect(bo.list[0]!.reason).toBe('gone')
  })

  it('with the receiver’s page loaded anew goes on where the disk is', async () => {
    // The disk outlives the page.
    const disk = new Map<string, Uint8Array<ArrayBuffer>>()
    const storage = () => ({
      room: async () => ({ bytes: Infinity, reason: 'no_space' as const }),
      has: async (id: string) => disk.has(id),
      open: async (id: string) => ({
        get length() { return disk.get(id)?.length ?? 0 },
        read: async (offset: number, length: number) => disk.get(id)!.slice(offset, offset + length),
        append: (data: Uint8Array) => {
          const before = disk.get(id) ?? new Uint8Array()
          const after = new Uint8Array(before.length + data.length)
          after.set(before)
          after.set(data, before.length)
          disk.set(id, after)
        },
        close: async () => new Blob([disk.get(id)!]),
        drop: async () => void disk.delete(id),
      }),
    })
    const ada = person()
    const before = person(storage() as unknown as MemoryStorage)
    const [a, b] = pipes()
    ada.attach(a)
    before.attach(b)
    const sent = file(3_000_000)
    const out = ada.offer('bo', sent)
    await until(() => before.pending.length === 1)
    before.accept(before.list[0]!)
    await until(() => before.list[0]!.moved > 1_000_000)
    a.cut()
    before.close()

    const after = person(storage() as unknown as MemoryStorage)
    const [c, d] = pipes()
    ada.attach(c)
    after.attach(d)
    await until(() => out.phase === 'done')
    expect(await hash((await received(after)).file)).toBe(await hash(sent))
    expect(c.bytes).toBeLessThan(2_050_000)
  })
})
