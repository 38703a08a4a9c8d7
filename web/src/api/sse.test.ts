import { describe, expect, it } from 'vitest'
import { EventStreamParser, type ServerEvent } from './sse'

function parse(...chunks: string[]): ServerEvent[] {
  const parser = new EventStreamParser()
  return chunks.flatMap((chunk) => parser.push(chunk))
}

describe('event stream', () => {
  it.each<[string, string[], ServerEvent[]]>([
    ['one event', ['event: status\ndata: {"on":false}\n\n'], [{ type: 'status', data: '{"on":false}' }]],
    ['no type', ['data: x\n\n'], [{ type: 'message', data: 'x' }]],
    ['several lines', ['data: a\ndata: b\n\n'], [{ type: 'message', data: 'a\nb' }]],
    ['cut anywhere', ['ev', 'ent: s', 'tatus\r', '\nda', 'ta:1\n', '\n'], [{ type: 'status', data: '1' }]],
    ['comments keep the line open', [': ping\n\n', 'data: 1\n\n'], [{ type: 'message', data: '1' }]],
    ['carriage returns', ['data: 1\r\n\r\n'], [{ type: 'message', data: '1' }]],
    ['unfinished', ['data: 1\n'], []],
  ])('%s', (_, chunks, want) => expect(parse(...chunks)).toEqual(want))

  it('does not keep an endless line', () => {
    const parser = new EventStreamParser()
    expect(() => {
      for (let i = 0; i < 20; i++) parser.push('x'.repeat(100_000))
    }).toThrow(/too long/)
  })
})
