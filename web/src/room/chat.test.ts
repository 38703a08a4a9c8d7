import { describe, expect, it } from 'vitest'
import { decodeChat, encodeChat, piecesOf } from './chat'

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

describe('addresses in messages', () => {
  it.each<[string, string[], string[]]>([
    ['no address here', ['no address here'], []],
    ['https://a.example', ['https://a.example'], ['https://a.example/']],
    ['see https://a.example/x?y=1#z, ok?', ['see ', 'https://a.example/x?y=1#z', ', ok?'], ['https://a.example/x?y=1#z']],
    ['(http://a.example/b_(c)).', ['(', 'http://a.example/b_(c)', ').'], ['http://a.example/b_(c)']],
    ['看https://a.example/r/房间，很好', ['看', 'https://a.example/r/房间', '，很好'], ['https://a.example/r/%E6%88%BF%E9%97%B4']],
    ['http://a.example http://b.example', ['http://a.example', ' ', 'http://b.example'], ['http://a.example/', 'http://b.example/']],
    ['javascript:alert(1) data:text/html,x file:///etc', ['javascript:alert(1) data:text/html,x file:///etc'], []],
    ['http:// https://:80 http://[', ['http:// https://:80 http://['], []],
    ['http://....', ['http://....'], []],
  ])('%s', (message, texts, links) => {
    const pieces = piecesOf(message)
    expect(pieces.map((piece) => piece.text)).toEqual(texts)
    expect(pieces.flatMap((piece) => piece.link ?? [])).toEqual(links)
    expect(pieces.map((piece) => piece.text).join('')).toBe(message)
  })
})
