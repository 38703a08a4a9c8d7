import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import type { Pipe } from '../call/pipe'
import { LocalDesk } from './desk'
import { leastShare, window } from './incoming'
import { MemoryStorage } from './storage'
import { Transfers } from './transfers.svelte'
import { decode, encodeChunk, encodeControl, maxUnfinished, newId, type Chunk, type Control } from './wire'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** One end of a way between two; messages under way are lost when it is cut. */
class FakePipe implements Pipe {
  readonly maxMessage = 16_000
  window: number | undefined
  onmessage: Pipe['onmessage']
  onclose: Pipe['onclose']
  readonly sent: (Control | Chunk)[] = []
  bytes = 0
  other!: FakePipe
  open = true
  #under: Uint8Array<ArrayBuffer>[] = []
  readonly peer: string
  constructor(peer: string) {
    this.peer = peer
  }

  async send(message: Uint8Array<ArrayBuffer>) {
    if (!this.open) throw new Error('closed')
    expect(message.length).toBeLessThanOrEqual(this.maxMessage)
    this.sent.push(decode(message)!)
    this.bytes += message.length
    this.#under.push(message)
    setImmediate(() => {
      const next = this.#under.shift()
      if (next && this.other.open) this.other.onmessage?.(next)
    })
    while (this.#under.length > 8) await turn()
    if (!this.open) throw new Error('closed')
  }

  cut() {
    for (const end of [this, this.other]) {
      if (!end.open) continue
      end.open = false
      end.#under = []
      end.onclose?.()
    }
  }
}

function pipes(): [FakePipe, FakePipe] {
  const [ada, bo] = [new FakePipe('bo'), new FakePipe('ada')]
  ada.other = bo
  bo.other = ada
  return [ada, bo]
}

/** Waits for something that comes by itself. */
async function until(what: () => boolean) {
  for (let i = 0; i < 100_000; i++) {
    if (what()) return
    await turn()
  }
  throw new Error(`never: ${what}`)
}

const opened: Transfers[] = []
afterEach(() => {
  for (const one of opened.splice(0)) one.close()
})

function person(storage = new MemoryStorage(), saved: { file: Blob; name: string }[] = []) {
  const transfers = new Transfers({ desk: new LocalDesk(storage), now: () => 0, save: (file, name) => saved.push({ file, name }) })
  opened.push(transfers)
  return Object.assign(transfers, { saves: saved })
}

function two() {
  const [ada, bo] = [person(), person()]
  const connect = () => {
    const [a, b] = pipes()
    ada.attach(a, 'Bo')
    bo.attach(b, 'Ada')
    return [a, b] as const
  }
  return { ada, bo, connect }
}

function file(size: number, name = 'file.bin', type = '') {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >> 8)) & 255
  return new File([bytes], name, { type })
}

const hash = async (blob: Blob) => createHash('sha256').update(new Uint8Array(await blob.arrayBuffer())).digest('hex')

async function received(by: ReturnType<typeof person>) {
  await by.save(by.list[0]!)
  return by.saves.at(-1)!
}

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

describe('a hostile peer', () => {
  /** Somebody whose messages are made by hand. */
  function stranger() {
    const bo = person()
    const [hand, b] = pipes()
    const heard: (Control | Chunk)[] = b.sent
    bo.attach(b)
    const say = async (...messages: (Control | Uint8Array<ArrayBuffer>)[]) => {
      for (const message of messages) await hand.send(message instanceof Uint8Array ? message : encodeControl(message))
      for (let i = 0; i < 30; i++) await turn()
    }
    return { bo, say, heard }
  }
  const hello: Control = { type: 'hello', version: 1, heard: false, sending: [] }
  const offer = (id: string, size = 1000): Control => ({ type: 'offer', id, name: 'x', size, mime: '' })

  async function accepted(size = 1000) {
    const { bo, say, heard } = stranger()
    const id = newId()
    await say(hello, offer(id, size))
    bo.accept(bo.list[0]!)
    await until(() => heard.some(({ type }) => type === 'accept'))
    return { bo, say, heard, id, into: bo.list[0]! }
  }

  it.each([
    ['sends more than announced', (id: string) => [encodeChunk(id, 0, new Uint8Array(1001))]],
    ['leaves a gap', (id: string) => [encodeChunk(id, 1, new Uint8Array(10))]],
    ['ends too early', (id: string) => [encodeChunk(id, 0, new Uint8Array(10)), { type: 'end', id, sha256: '0'.repeat(64) } as Control]],
    ['changes the size', (id: string) => [offer(id, 2000)]],
  ])('that %s is stopped', async (_, wrong) => {
    const { say, into, heard, id } = await accepted()
    await say(...wrong(id))
    expect(into).toMatchObject({ phase: 'failed', reason: 'protocol' })
    expect(heard.at(-1)).toEqual({ type: 'fail', id, reason: 'protocol' })
  })

  it('that sends beyond what was granted is stopped', async () => {
    const { say, into, id } = await accepted(10 * window)
    const data = new Uint8Array(15_000)
    // Nothing is let through to the disk meanwhile, so that no further grant comes: all at once.
    await say(...Array.from({ length: 3 }, (_, i) => encodeChunk(id, i * data.length, data)), encodeChunk(id, 9 * window, data))
    expect(into).toMatchObject({ phase: 'failed', reason: 'protocol' })
  })

  it('whose hash is another loses the file', async () => {
    const { bo, say, into, heard, id } = await accepted()
    await say(encodeChunk(id, 0, new Uint8Array(1000)), { type: 'end', id, sha256: '0'.repeat(64) })
    expect(into).toMatchObject({ phase: 'failed', reason: 'mismatch' })
    expect(heard.at(-1)).toEqual({ type: 'fail', id, reason: 'mismatch' })
    await bo.save(into)
    expect(bo.saves).toEqual([])
  })

  it('that sends before it was accepted gets nothing kept', async () => {
    const { bo, say } = stranger()
    const id = newId()
    await say(hello, offer(id), encodeChunk(id, 0, new Uint8Array(1000)), { type: 'end', id, sha256: '0'.repeat(64) })
    expect(bo.list[0]).toMatchObject({ phase: 'offered', moved: 0 })
  })

  it('that offers without end fills neither list nor memory', async () => {
    const { bo, say, heard } = stranger()
    await say(hello, ...Array.from({ length: 40 }, () => offer(newId())))
    expect(bo.pending).toHaveLength(maxUnfinished)
    expect(heard.filter(({ type }) => type === 'refuse')).toHaveLength(40 - maxUnfinished)
    for (let i = 0; i < 100; i++) {
      const id = bo.pending[0]!.id
      await say({ type: 'cancel', id }, offer(newId()))
    }
    expect(bo.list.length).toBeLessThan(80)
  })

  it('that answers for files it was not offered changes nothing', async () => {
    const { bo, say } = stranger()
    await say(hello)
    const out = bo.offer('ada', file(1000))
    await turn()
    const { id } = out
    await say({ type: 'accept', id: newId(), offset: 0, limit: 1000 }, { type: 'done', id: newId() }, { type: 'credit', id, offset: 0, limit: 10 })
    expect(out.phase).toBe('offered')
  })

  it.each([
    ['from the middle', { type: 'accept', offset: 500, limit: 1000 }],
    ['more than there is', { type: 'accept', offset: 0, limit: 1001 }],
    ['done at once', { type: 'done' }],
  ])('that wants a file %s gets none', async (_, answer) => {
    const { bo, say, heard } = stranger()
    await say(hello)
    const out = bo.offer('ada', file(1000))
    await say({ ...answer, id: out.id } as Control)
    expect(out).toMatchObject({ phase: 'failed', reason: 'protocol' })
    expect(heard.some(({ type }) => type === 'chunk')).toBe(false)
  })

  it('whose name is a path or a trick is shown and saved as text', async () => {
    const { bo, say } = stranger()
    await say(hello, { type: 'offer', id: newId(), name: '../../etc/\u202egpj.exe', size: 0, mime: 'text/html' })
    expect(bo.list[0]!.name).toBe('../../etc/gpj.exe')
  })

  it('that sends anything at all does no harm', async () => {
    const { say, into, id } = await accepted()
    await say(new Uint8Array([9, 9]), new Uint8Array(), encodeControl({ type: 'done', id }), encodeControl({ type: 'credit', id, offset: 0, limit: 5 }))
    expect(into.phase).toBe('moving')
  })
})
