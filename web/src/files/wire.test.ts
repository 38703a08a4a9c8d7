import { describe, expect, it } from 'vitest'
import { decode, encodeChunk, encodeControl, maxChunk, maxControl, newId, wireMime, type Control } from './wire'

const id = '00112233445566778899aabbccddeeff'
const sha256 = 'ab'.repeat(32)

function control(value: unknown): Uint8Array<ArrayBuffer> {
  return encodeControl(value as Control)
}

describe('messages', () => {
  const all: Control[] = [
    { type: 'hello', version: 1, heard: false, sending: [id] },
    { type: 'offer', id, name: '../../etc/passwd', size: Number.MAX_SAFE_INTEGER, mime: 'text/plain' },
    { type: 'offer', id, name: '文件', size: 0, mime: '' },
    { type: 'accept', id, offset: 0, limit: 10 },
    { type: 'credit', id, offset: 10, limit: 10 },
    { type: 'end', id, sha256 },
    { type: 'done', id },
    { type: 'refuse', id },
    { type: 'cancel', id },
    { type: 'fail', id, reason: 'mismatch' },
  ]
  it.each(all)('$type comes back as it went', (message) => expect(decode(encodeControl(message))).toEqual(message))

  it('chunks come back as they went', () => {
    const data = crypto.getRandomValues(new Uint8Array(1000))
    const offset = 2 ** 53 - 1
    expect(decode(encodeChunk(id, offset, data))).toEqual({ type: 'chunk', id, offset, data })
  })

  it('may lie anywhere in memory', () => {
    const chunk = encodeChunk(id, 7, new Uint8Array([1, 2, 3]))
    const within = new Uint8Array(chunk.length + 5)
    within.set(chunk, 5)
    expect(decode(within.subarray(5))).toEqual({ type: 'chunk', id, offset: 7, data: new Uint8Array([1, 2, 3]) })
  })

  it('drop fields that are not theirs', () => expect(decode(control({ type: 'done', id, more: 1, __proto__: {} }))).toEqual({ type: 'done', id }))

  it('have ids that differ', () => expect(newId()).not.toBe(newId()))
})

describe('what is no message', () => {
  const offer = { type: 'offer', id, name: 'a', size: 1, mime: '' }
  it.each([
    ['an unknown type', { type: 'rename', id }],
    ['no type', { id }],
    ['an id that is too short', { type: 'done', id: id.slice(1) }],
    ['an id in capitals', { type: 'done', id: id.toUpperCase() }],
    ['an id that is a number', { type: 'done', id: 1 }],
    ['a list', [offer]],
    ['null', null],
    ['a name that is too long', { ...offer, name: 'a'.repeat(256) }],
    ['an empty name', { ...offer, name: '' }],
    ['a name that is none', { ...offer, name: { toString: 'x' } }],
    ['a size below zero', { ...offer, size: -1 }],
    ['half a byte', { ...offer, size: 0.5 }],
    ['a size over 2^53', { ...offer, size: 2 ** 53 }],
    ['a size in text', { ...offer, size: '1' }],
    ['a type with markup', { ...offer, mime: 'text/<b>' }],
    ['a type that is too long', { ...offer, mime: `a/${'b'.repeat(127)}` }],
    ['a limit before the offset', { type: 'accept', id, offset: 2, limit: 1 }],
    ['an offset below zero', { type: 'credit', id, offset: -1, limit: 1 }],
    ['a hash that is too short', { type: 'end', id, sha256: sha256.slice(2) }],
    ['an unknown reason', { type: 'fail', id, reason: 'toString' }],
    ['another version', { type: 'hello', version: 2, heard: false, sending: [] }],
    ['a hello with too many files', { type: 'hello', version: 1, heard: false, sending: Array(17).fill(id) }],
    ['a hello with what is no id', { type: 'hello', version: 1, heard: true, sending: ['x'] }],
    ['too much', { ...offer, more: 'x'.repeat(maxControl) }],
  ])('%s', (_, value) => expect(decode(control(value))).toBeUndefined())

  it.each([
    ['nothing', []],
    ['an unknown first byte', [3, 0]],
    ['text that is no JSON', [1, 0x7b]],
    ['bytes that are no UTF-8', [1, 0x22, 0xff, 0x22]],
    ['a chunk without data', [...encodeChunk(id, 0, new Uint8Array())]],
    ['a chunk cut off in its head', [2, 1, 2, 3]],
    ['an offset over 2^53', [2, ...Array<number>(16).fill(0), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]],
  ])('%s', (_, bytes) => expect(decode(new Uint8Array(bytes))).toBeUndefined())

  it('a chunk that is too large', () => expect(decode(encodeChunk(id, 0, new Uint8Array(maxChunk + 1)))).toBeUndefined())
})

describe('any bytes', () => {
  // A small generator with a seed, so that a failure can be seen again.
  function random(seed: number) {
    return () => {
      seed = (seed * 1664525 + 1013904223) >>> 0
      return seed / 2 ** 32
    }
  }
  const seeds = [
    encodeControl({ type: 'offer', id, name: 'a "quoted" name', size: 12, mime: 'text/plain' }),
    encodeControl({ type: 'hello', version: 1, heard: true, sending: [id, id] }),
    encodeControl({ type: 'accept', id, offset: 1, limit: 2 }),
    encodeChunk(id, 5, new Uint8Array(20)),
  ]

  it('are read as a valid message or not at all', () => {
    const next = random(7)
    for (let round = 0; round < 20_000; round++) {
      const seed = seeds[round % seeds.length]!
      const wild = round % 3 === 0
      const bytes = wild ? new Uint8Array(Math.floor(next() * 80)) : seed.slice(0, Math.ceil(next() * 2 * seed.length))
      const changes = wild ? bytes.length : 1 + Math.floor(next() * 3)
      for (let i = 0; i < changes; i++) bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256)
      if (wild && bytes.length > 0) bytes[0] = 1 + (round % 2)
      const message = decode(bytes)
      if (!message) continue
      // Whatever is read can be said again, and says the same.
      const again = message.type === 'chunk' ? encodeChunk(message.id, message.offset, message.data) : encodeControl(message)
      expect(decode(again)).toEqual(message)
    }
  })
})

describe('file types on the wire', () => {
  it.each([
    ['text/plain;charset=utf-8', 'text/plain'],
    ['Image/PNG', 'image/png'],
    ['', ''],
    ['nonsense', ''],
    ['a/b c', ''],
  ])('%j is %j', (type, want) => expect(wireMime(type)).toBe(want))
})
