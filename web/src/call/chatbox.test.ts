import { describe, expect, it } from 'vitest'
import { Chatbox } from './chatbox'

/** Two chats and the ways between them, which can be cut. */
function pair() {
  const wire = { way: 'direct' as string | undefined, lose: false }
  const shown: string[] = []
  const ada: Chatbox = new Chatbox((_, data) => {
    if (wire.way && !wire.lose) {
      const message = bo.take('ada', data, 0)
      if (message) shown.push(message.text)
    }
    return wire.way
  })
  const bo = new Chatbox((_, data) => {
    if (wire.way && !wire.lose) ada.take('bo', data, 0)
    return wire.way
  })
  return { ada, bo, wire, shown }
}

describe('the chat', () => {
  it('says a message once', () => {
    const { ada, shown } = pair()
    ada.say('hello', ['bo'], 0)
    ada.flush()
    ada.flush(() => 'room')
    expect(shown).toEqual(['hello'])
  })
  it('waits until somebody is reached', () => {
    const { ada, wire, shown } = pair()
    wire.way = undefined
    ada.say('one', ['bo'], 0)
    ada.say('two', ['bo'], 0)
    expect(shown).toEqual([])
    wire.way = 'direct'
    ada.flush()
    expect(shown).toEqual(['one', 'two'])
  })
  it('says again over the new way what the old one lost', () => {
    const { ada, wire, shown } = pair()
    wire.lose = true
    ada.say('lost?', ['bo'], 0)
    wire.lose = false
    ada.flush(() => 'direct')
    expect(shown).toEqual([])
    wire.way = 'room'
    ada.flush(() => 'room')
    expect(shown).toEqual(['lost?'])
  })
  it('shows once what comes over both ways', () => {
    const { bo } = pair()
    const data = new TextEncoder().encode(JSON.stringify({ id: 'x', timestamp: 0, message: 'hi' }))
    expect(bo.take('ada', data, 0)?.text).toBe('hi')
    expect(bo.take('ada', data, 0)).toBeUndefined()
    expect(bo.take('cy', data, 0)?.text).toBe('hi')
  })
  it('does not wait for who has left', () => {
    const { ada, wire, shown } = pair()
    wire.way = undefined
    ada.say('for nobody', ['bo'], 0)
    ada.gone('bo')
    wire.way = 'direct'
    ada.flush()
    expect(shown).toEqual([])
  })
  it.each(['', '{', '{"ack":1}', '{"message":""}', 'null', '[]'])('bears nonsense: %s', (text) => {
    expect(new Chatbox(() => undefined).take('bo', new TextEncoder().encode(text), 0)).toBeUndefined()
  })
})
