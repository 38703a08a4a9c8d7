import { describe, expect, it } from 'vitest'
import { window } from './incoming'
import { file, person, pipes, turn, until } from './pretended'
import { encodeChunk, encodeControl, maxUnfinished, newId, type Chunk, type Control } from './wire'

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
