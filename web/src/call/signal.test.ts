import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { parseMessage } from './protocol'
import { CallSignal, type Socket } from './signal'

class FakeSocket implements Socket {
  readyState = 0
  sent: Record<string, unknown>[] = []
  onopen: Socket['onopen'] = null
  onmessage: Socket['onmessage'] = null
  onclose: Socket['onclose'] = null
  onerror: Socket['onerror'] = null

  open() {
    this.readyState = 1
    this.onopen?.(undefined as never)
  }
  say(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) })
  }
  drop(code = 1006) {
    this.readyState = 3
    this.onclose?.({ code })
  }
  send(text: string) {
    this.sent.push(JSON.parse(text))
  }
  close() {
    this.readyState = 3
  }
}

const joined = (session = 's1') => ({
  type: 'joined', session, you: 'me', name: 'Ada', room: 'tea', title: '', role: 'host', resumeWithin: 30, iceServers: [], members: [], visitors: [],
  path: { kind: 'alone' },
})
const state = { microphone: true, camera: false, screen: false }

describe('the signal', () => {
  let sockets: FakeSocket[]
  let signal: CallSignal
  const last = () => sockets.at(-1)!

  beforeEach(() => {
    vi.useFakeTimers()
    sockets = []
    signal = new CallSignal({
      url: 'ws://x/call/tea', enter: 'join', who: { name: 'Ada', key: 'k', identity: 'secret' },
      open: () => {
        sockets.push(new FakeSocket())
        return last()
      },
    })
  })
  afterEach(() => {
    signal.close()
    vi.useRealTimers()
  })

  function enter() {
    last().open()
    last().say(joined())
  }

  it('enters, numbers what it sends, and holds nothing back', () => {
    enter()
    expect(last().sent[0]).toEqual({ type: 'join', name: 'Ada', key: 'k', identity: 'secret', room: true })
    signal.send({ type: 'state', state })
    signal.send({ type: 'viaDirect' })
    expect(last().sent.slice(1)).toEqual([{ type: 'state', state, seq: 1 }, { type: 'viaDirect', seq: 2 }])
  })

  it('keeps what is said before it has entered', () => {
    signal.send({ type: 'state', state })
    last().open()
    expect(last().sent).toHaveLength(1)
    last().say(joined())
    expect(last().sent[1]).toEqual({ type: 'state', state, seq: 1 })
  })

  it('acknowledges every 32 messages, and a few after some seconds', () => {
    enter()
    for (let seq = 1; seq <= 33; seq++) last().say({ type: 'gone', seq, id: 'x', reason: 'left' })
    expect(last().sent.filter((m) => m.type === 'ack')).toEqual([{ type: 'ack', seq: 32 }])
    vi.advanceTimersByTime(5000)
    expect(last().sent.filter((m) => m.type === 'ack')).toEqual([{ type: 'ack', seq: 32 }, { type: 'ack', seq: 33 }])
  })

  it('resumes after a drop, repeats what was not acknowledged, and hears nothing twice', () => {
    enter()
    const heard: unknown[] = []
    signal.onmessage = (message) => heard.push(message.type)
    last().say({ type: 'gone', seq: 1, id: 'x', reason: 'left' })
    signal.send({ type: 'state', state })
    signal.send({ type: 'viaDirect' })
    last().drop()
    signal.send({ type: 'ring', to: 'v' })
    vi.advanceTimersByTime(200)
    expect(sockets).toHaveLength(2)
    last().open()
    expect(last().sent).toEqual([{ type: 'resume', session: 's1', seq: 1 }])
    last().say({ type: 'resumed', seq: 1, members: [], visitors: [], iceServers: [], path: { kind: 'alone' } })
    expect(last().sent.slice(1)).toEqual([{ type: 'viaDirect', seq: 2 }, { type: 'ring', to: 'v', seq: 3 }])
    last().say({ type: 'gone', seq: 1, id: 'x', reason: 'left' })
    last().say({ type: 'gone', seq: 2, id: 'y', reason: 'left' })
    expect(heard).toEqual(['gone', 'gone'])
  })

  it('enters anew when the session is gone', () => {
    enter()
    signal.send({ type: 'viaDirect' })
    last().drop()
    vi.advanceTimersByTime(200)
    last().open()
    last().say({ type: 'error', code: 'expired', message: '', of: 'resume' })
    last().drop(4410)
    vi.advanceTimersByTime(2000)
    last().open()
    expect(last().sent[0]).toMatchObject({ type: 'join', name: 'Ada' })
    last().say(joined('s2'))
    signal.send({ type: 'state', state })
    expect(last().sent.at(-1)).toEqual({ type: 'state', state, seq: 1 })
  })

  it('enters anew when its session ends in the middle of the call', () => {
    const ended: string[] = []
    const entered: string[] = []
    signal.onend = (why) => ended.push(why)
    signal.onjoined = ({ session }) => entered.push(session)
    enter()
    signal.send({ type: 'state', state })
    last().say({ type: 'error', code: 'expired', message: '' })
    last().drop(4410)
    vi.advanceTimersByTime(200)
    last().open()
    expect(last().sent[0]).toMatchObject({ type: 'join', identity: 'secret' })
    last().say(joined('s2'))
    expect(entered).toEqual(['s1', 's2'])
    expect(last().sent).toHaveLength(1)
    expect(ended).toEqual([])
  })

  it('ends when it cannot enter anew, as its token has expired', () => {
    const ended: string[] = []
    signal.onend = (why) => ended.push(why)
    enter()
    for (let i = 0; i < 2; i++) {
      last().say({ type: 'error', code: 'expired', message: '' })
      last().drop(4401)
      vi.advanceTimersByTime(200)
      if (i === 0) last().open()
    }
    expect(ended).toEqual(['expired'])
  })

  it('enters anew when too much time has passed to resume', () => {
    enter()
    last().drop()
    for (let i = 0; i < 12; i++) {
      vi.advanceTimersByTime(5000)
      last().drop()
    }
    vi.advanceTimersByTime(5000)
    last().open()
    expect(last().sent[0]).toMatchObject({ type: 'join' })
  })

  it('accepts within its session and comes back as a member', () => {
    signal.close()
    signal = new CallSignal({
      url: 'ws://x/call/tea', enter: 'visit', who: { name: '', key: '', identity: 'secret' },
      open: () => {
        sockets.push(new FakeSocket())
        return last()
      },
    })
    last().open()
    expect(last().sent[0]).toEqual({ type: 'visit', name: '', identity: 'secret' })
    last().say({ type: 'visiting', session: 's1', you: 'v', room: 'tea', title: '', members: null })
    signal.send({ type: 'accept', name: 'Bo', room: true })
    last().say(joined())
    signal.send({ type: 'state', state })
    expect(last().sent.slice(1)).toEqual([{ type: 'accept', name: 'Bo', room: true, seq: 1 }, { type: 'state', state, seq: 2 }])
  })

  it.each([
    ['full', 4409, 'full'],
    ['unauthorized', 4401, 'unauthorized'],
    ['replaced', 4409, 'replaced'],
    ['', 4403, 'forbidden'],
  ])('ends when it is refused: %s', (code, close, want) => {
    const ended: string[] = []
    signal.onend = (why) => ended.push(why)
    last().open()
    if (code) last().say({ type: 'error', code, message: '' })
    last().drop(close)
    vi.advanceTimersByTime(60_000)
    expect(ended).toEqual([want])
    expect(sockets).toHaveLength(1)
  })

  it('tries again for ever where nobody refused it', () => {
    last().drop()
    vi.advanceTimersByTime(200)
    last().drop(4503)
    vi.advanceTimersByTime(2000)
    expect(sockets).toHaveLength(3)
  })

  it('gives up a silent socket, and answers pings', () => {
    enter()
    last().say({ type: 'ping' })
    expect(last().sent.at(-1)).toEqual({ type: 'pong' })
    vi.advanceTimersByTime(31_000)
    expect(sockets.length).toBeGreaterThan(1)
  })

  it('says goodbye', () => {
    enter()
    signal.leave()
    expect(last().sent.at(-1)).toEqual({ type: 'leave' })
    vi.advanceTimersByTime(60_000)
    expect(sockets).toHaveLength(1)
  })
})

describe('messages', () => {
  it.each([
    '', '{', 'null', '[]', '5', '{"type":"nonsense"}', '{"type":"__proto__"}', '{"type":"gone"}', '{"type":"gone","id":1,"reason":"left"}',
    '{"type":"path","path":null}', '{"type":"joined","session":"s","you":"m","members":{},"visitors":[],"iceServers":[],"path":{}}',
  ])('that are none: %s', (text) => expect(parseMessage(text)).toBeUndefined())

  it('take null for an empty list', () => {
    expect(parseMessage('{"type":"resumed","seq":0,"members":null}')).toMatchObject({ members: [], visitors: [], iceServers: [] })
  })
})
