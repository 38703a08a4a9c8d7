import { describe, expect, it, vi } from 'vitest'
import { serverTime } from './clock'
import type { ChatMessage, ServerEvent, Welcome } from './protocol'
import { apply, emptyState, maxMessages } from './state'

const welcome: Welcome = {
  type: 'welcome', you: { identity: 'v-1', name: 'Mei', role: 'audience' }, at: '2026-01-01T00:00:00Z', room: { name: 'show', title: 'Friday' },
  scene: {
    name: 'show', title: { en: 'Show', zh: '直播' }, seats: { count: 8, request: true, invite: true, claim: false },
    orientation: 'portrait', features: { chat: true },
  },
  stage: { seats: [{ n: 1, state: 'open' }], host: null, cohosts: [], queueLength: 0 },
  live: { on: true }, counts: { viewers: 3, likes: 10 }, chat: [], slow: 0, polls: [], heartbeat: 20,
}
const message = (id: string, text = 'hello'): ChatMessage & { type: 'chat' } => ({
  type: 'chat', id, at: '2026-01-01T00:00:00Z', from: { identity: 'v-2', name: 'Bo', role: 'audience' }, text,
})
const after = (...events: ServerEvent[]) => events.reduce(apply, apply(emptyState('show'), welcome))

describe('what is known of a room', () => {
  it('begins with the welcome', () => {
    const state = after()
    expect(state.you.name).toBe('Mei')
    expect(state.counts.likes).toBe(10)
    expect(state.announcement).toBeUndefined()
  })

  it('takes a message once, forgets old ones and deleted ones', () => {
    expect(after(message('a'), message('a')).messages).toHaveLength(1)
    expect(after(message('a'), message('b'), { type: 'chatDeleted', id: 'a' }).messages.map((m) => m.id)).toEqual(['b'])
    const many = after(...Array.from({ length: maxMessages + 20 }, (_, i) => message(`m${i}`)))
    expect(many.messages).toHaveLength(maxMessages)
    expect(many.messages[0]!.id).toBe('m20')
    expect(many.said).toBe(maxMessages + 20)
    expect(apply(many, { ...welcome, chat: [message('m319'), message('new')] }).said).toBe(maxMessages + 21)
  })

  it('keeps the list of songs while others change', () => {
    const at = '2026-01-01T00:00:00Z'
    const list = [{ id: 'l1', title: 'Listed' }]
    expect(after({ type: 'songList', list }, { type: 'songs', queue: [], at }).songs?.list).toEqual(list)
    expect(after({ type: 'songList', list }, { type: 'songList', list: [] }, { type: 'songs', queue: [], at }).songs?.list).toEqual([])
  })

  it('knows the server’s clock whatever is done to the clocks meanwhile', () => {
    const real = Date.parse('2026-01-01T00:00:00Z')
    vi.useFakeTimers({ now: real - 3_600_000 }) // this computer is an hour late
    const said = (at: number) => ({ ...welcome, at: new Date(at).toISOString() })
    let state = apply(emptyState('show'), said(real))
    expect(serverTime(state)).toBe(real)
    vi.advanceTimersByTime(60_000)
    vi.setSystemTime(real) // set right
    expect(serverTime(state)).toBe(real + 60_000)
    state = apply(state, { type: 'songs', queue: [], at: new Date(real + 60_000).toISOString() })
    expect(serverTime(state)).toBe(real + 60_000)
    state = apply(state, said(real)) // the server's clock was set back
    expect(serverTime(state)).toBe(real)
    vi.useRealTimers()
  })

  it('knows the server’s clock from each welcome on, and better from whatever comes faster', () => {
    vi.useFakeTimers({ now: Date.parse('2026-01-01T00:02:00Z') })
    const songs: ServerEvent = { type: 'songs', queue: [], at: '2026-01-01T00:00:00.2Z' }
    expect([after().clockAhead, after(songs).clockAhead, after(songs, welcome).clockAhead]).toEqual([-120_000, -119_800, -120_000])
    vi.useRealTimers()
  })

  it('follows a clock of the server that was set back, by whatever says its time', () => {
    vi.useFakeTimers({ now: Date.parse('2026-01-01T00:02:00Z') })
    expect(after({ type: 'songs', queue: [], at: '2025-12-31T23:59:50Z' }).clockAhead).toBe(-130_000)
    vi.useRealTimers()
  })

  it('never counts likes down', () => {
    expect(after({ type: 'likes', total: 15, added: 5 }, { type: 'likes', total: 12, added: 1 }).counts.likes).toBe(15)
  })

  it('keeps one poll of an id and the newest first', () => {
    const poll = (id: string, voters: number) => ({ type: 'poll' as const, id, question: '?', options: [], multiple: false, open: true, voters })
    expect(after(poll('a', 1), poll('b', 0), poll('a', 2)).polls.map(({ id, voters }) => [id, voters])).toEqual([['b', 0], ['a', 2]])
  })

  it('forgets what the own state does not say any more', () => {
    const state = after(
      { type: 'you', identity: 'v-1', name: 'Mei', role: 'audience', position: 2 },
      { type: 'you', identity: 'v-1', name: 'Mei', role: 'speaker', seat: 1 },
    )
    expect(state.you).toEqual({ identity: 'v-1', name: 'Mei', role: 'speaker', seat: 1 })
  })

  it('ends an invitation with a seat, and an announcement with an empty one', () => {
    expect(after({ type: 'invited', by: { identity: 'h', name: 'Ada' }, seat: 2 }).invitation).toEqual({ by: 'Ada', seat: 2 })
    expect(after({ type: 'invited', by: { identity: 'h', name: 'Ada' } }, { type: 'promoted', preview: 5 }).invitation).toBeUndefined()
    expect(after({ type: 'announcement', text: 'Hi' }).announcement?.text).toBe('Hi')
    expect(after({ type: 'announcement', text: 'Hi' }, { type: 'announcement', text: '' }).announcement).toBeUndefined()
  })

  it('knows why somebody may not be here, until they are welcomed', () => {
    const refused = (code: string): ServerEvent => ({ type: 'error', of: 'hello', code, message: '' })
    expect(apply(emptyState('show'), refused('banned')).barred).toEqual({ why: 'banned' })
    expect(after({ type: 'banned', until: '2026-01-01T00:10:00Z' }, refused('banned')).barred).toEqual({ why: 'banned', until: '2026-01-01T00:10:00Z' })
    expect(after({ type: 'banned' }, refused('locked')).barred).toEqual({ why: 'locked' })
    expect(after({ type: 'bye', reason: 'turned_away' }).barred).toEqual({ why: 'turned_away' })
    expect(after({ type: 'bye', reason: 'replaced' }).barred).toEqual({ why: 'replaced' })
    expect(after({ type: 'banned' }, welcome).barred).toBeUndefined()
  })

  it('takes no trouble that passes, and no refusal of a request, for a closed door', () => {
    expect(after({ type: 'bye', reason: 'shutdown' }, { type: 'error', code: 'unavailable', message: '' }, { type: 'error', id: 3, code: 'forbidden', message: '' }).barred).toBeUndefined()
  })

  it('leaves what it does not know as it was', () => {
    const state = after()
    expect(apply(state, { type: 'unheard of' } as unknown as ServerEvent)).toBe(state)
  })
})
