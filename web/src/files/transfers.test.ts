import { describe, expect, it } from 'vitest'
import { leastShare, window } from './incoming'
import { file, hash, person, pipes, received, turn, two, until } from './pretended'
import { MemoryStorage } from './storage'
import { maxUnfinished } from './wire'

describe('a file', () => {
  it.each([0, 1, 15_975, 3_000_000, window + 12_345])('of %i bytes arrives whole', async (size) => {
    const { ada, bo, connect } = two()
    connect()
    const sent = file(size, 'Übersicht.pdf', 'application/pdf')
    const out = ada.offer('bo', sent)
    await until(() => bo.pending.length === 1)
    const [into] = bo.list
    expect(into).toMatchObject({ name: 'Übersicht.pdf', size, mime: 'application/pdf', who: 'Ada', phase: 'offered' })
    expect(out.phase).toBe('offered')
    bo.accept(into!)
    await until(() => out.phase === 'done')
    expect(into!.phase).toBe('done')
    expect([out.part, into!.part]).toEqual([1, 1])
    const saved = await received(bo)
    expect(saved.name).toBe('Übersicht.pdf')
    expect(await hash(saved.file)).toBe(await hash(sent))
  })

  it('never fills the way beyond the window', async () => {
    const { ada, bo, connect } = two()
    const [a, b] = connect()
    ada.offer('bo', file(3 * window))
    await until(() => bo.pending.length === 1)
    bo.accept(bo.list[0]!)
    await until(() => bo.list[0]!.phase === 'done')
    let limit = 0
    for (const message of b.sent) if (message.type === 'accept' || message.type === 'credit') limit = Math.max(limit, message.limit - message.offset)
    expect(limit).toBe(window)
    // Credits are few.
    expect(b.sent.length).toBeLessThan(40)
    expect(a.sent.filter(({ type }) => type === 'end')).toHaveLength(1)
  })

  it('shares the window of a way that others wait behind', async () => {
    const { ada, bo, connect } = two()
    const [, b] = connect()
    b.window = 8 * leastShare
    const count = 2
    for (let i = 0; i < count; i++) ada.offer('bo', file(b.window * 2, `${i}.bin`))
    await until(() => bo.pending.length === count)
    for (const one of bo.pending) bo.accept(one)
    await until(() => bo.list.every(({ phase }) => phase === 'done'))
    const granted = new Map<string, number>()
    let most = 0
    for (const message of b.sent) {
      if (message.type !== 'accept' && message.type !== 'credit') continue
      granted.set(message.id, message.limit - message.offset)
      most = Math.max(most, [...granted.values()].reduce((sum, bytes) => sum + bytes, 0))
    }
    // The first alone may have got all of it before the second one began.
    expect(most).toBeLessThanOrEqual(b.window * 1.5)
    expect(granted.size).toBe(count)
  })

  it('waits while nobody can be reached', async () => {
    const { ada, bo, connect } = two()
    const out = ada.offer('bo', file(10), 'Bo')
    expect(out).toMatchObject({ phase: 'waiting', connected: false })
    connect()
    await until(() => bo.pending.length === 1)
    expect(out).toMatchObject({ phase: 'offered', connected: true })
  })

  it('is asked for once, and can be refused', async () => {
    const { ada, bo, connect } = two()
    const [first] = connect()
    const asked: string[] = []
    bo.onoffer = ({ name }) => asked.push(name)
    const out = ada.offer('bo', file(10))
    await until(() => bo.pending.length === 1)
    first.cut()
    connect()
    await turn()
    await turn()
    expect(asked).toEqual(['file.bin'])
    bo.refuse(bo.list[0]!)
    await until(() => out.phase === 'refused')
  })

  it('can be cancelled by either side', async () => {
    for (const who of ['sender', 'receiver'] as const) {
      const { ada, bo, connect } = two()
      connect()
      const out = ada.offer('bo', file(2_000_000))
      await until(() => bo.pending.length === 1)
      const into = bo.list[0]!
      bo.accept(into)
      await until(() => into.moved > 200_000)
      if (who === 'sender') ada.cancel(out)
      else bo.cancel(into)
      await until(() => out.phase === 'cancelled' && into.phase === 'cancelled')
      expect([out.theirs, into.theirs]).toEqual([who === 'receiver', who === 'sender'])
    }
  })

  it('goes beside others', async () => {
    const { ada, bo, connect } = two()
    connect()
    const many = Array.from({ length: 5 }, (_, i) => ada.offer('bo', file(100_000 * (i + 1), `${i}`)))
    await until(() => bo.pending.length === 5)
    for (const transfer of bo.pending) bo.accept(transfer)
    await until(() => many.every(({ phase }) => phase === 'done'))
  })

  it('waits for its turn when many are on offer', async () => {
    const { ada, bo, connect } = two()
    connect()
    const many = Array.from({ length: maxUnfinished + 4 }, () => ada.offer('bo', file(10)))
    await until(() => bo.pending.length === maxUnfinished)
    expect(many.filter(({ phase }) => phase === 'waiting')).toHaveLength(4)
    for (const transfer of bo.pending) bo.refuse(transfer)
    await until(() => many.every(({ phase }) => phase !== 'waiting'))
    await until(() => bo.pending.length === 4)
  })

  it('that was changed meanwhile fails, and both are told', async () => {
    const { ada, bo, connect } = two()
    connect()
    const bad = file(1_000_000)
    bad.slice = () => ({ arrayBuffer: () => Promise.reject(new DOMException('', 'NotReadableError')) }) as unknown as Blob
    const out = ada.offer('bo', bad)
    await until(() => bo.pending.length === 1)
    bo.accept(bo.list[0]!)
    await until(() => bo.list[0]!.phase === 'failed')
    expect(out).toMatchObject({ phase: 'failed', reason: 'unreadable', theirs: false })
    expect(bo.list[0]).toMatchObject({ reason: 'unreadable', theirs: true })
  })

  it('that does not fit fails with the room there is', async () => {
    const ada = person()
    const bo = person(new MemoryStorage(1000))
    const [a, b] = pipes()
    ada.attach(a)
    bo.attach(b)
    const out = ada.offer('bo', file(1001))
    await until(() => bo.pending.length === 1)
    bo.accept(bo.list[0]!)
    await until(() => out.phase === 'failed')
    expect(out).toMatchObject({ reason: 'too_large', theirs: true })
    expect(bo.list[0]).toMatchObject({ reason: 'too_large', room: 1000, theirs: false })
  })

  it('fails when the other person leaves', async () => {
    const { ada, connect } = two()
    connect()
    const out = ada.offer('bo', file(10))
    ada.left('bo')
    expect(out).toMatchObject({ phase: 'failed', reason: 'left' })
  })
})
