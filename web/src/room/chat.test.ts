import { describe, expect, it } from 'vitest'
import { decodeChat, encodeChat } from './chat'

const now = 1_800_000_000_000
const bytes = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))

describe('chat messages', () => {
  it('come back as they went', () => {
    const payload = { id: 'a1', timestamp: now, message: '你好 👋' }
    expect(decodeChat(encodeChat(payload), now)).toEqual(payload)
  })

  it.each([
    ['not JSON', 'hello'],
    ['null', 'null'],
    ['no text', { id: 'x', timestamp: now }],
    ['empty text', { message: '   ' }],
    ['text that is none', { message: 7 }],
    ['too large', { message: 'x'.repeat(20_000) }],
  ])('refuses %s', (_, value) => expect(decodeChat(bytes(value), now)).toBeUndefined())

  it('refuses bytes that are no text', () => expect(decodeChat(new Uint8Array([0xff, 0xfe]), now)).toBeUndefined())

  it('does not believe a clock that is far off', () =>
    expect(decodeChat(bytes({ message: 'x', timestamp: 0 }), now)?.timestamp).toBe(now))

  it('cuts a long text', () => expect(decodeChat(bytes({ message: 'x'.repeat(5000) }), now)?.message.length).toBe(2000))
})
