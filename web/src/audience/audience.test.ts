import { render } from 'svelte/server'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { t } from '../i18n/index.svelte'
import { Audience } from './audience.svelte'
import { serverTime } from './clock'
import Composer from './Composer.svelte'

const wires: { onmessage: (event: { data: string }) => void; sent: string[] }[] = []
const tell = (...events: unknown[]) => wires.at(-1)!.onmessage({ data: JSON.stringify(events) })
const welcome = {
  type: 'welcome', you: { identity: 'v', name: '', role: 'audience' }, at: '2026-01-01T00:00:00Z', room: {}, scene: { features: {} }, stage: {}, live: { on: true }, counts: {}, chat: [], polls: [], heartbeat: 10,
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', class {
    constructor() {
      wires.push(this as never)
    }
    sent: string[] = []
    send(data: string) {
      this.sent.push(data)
    }
    close() {}
  })
  vi.stubGlobal('location', { href: 'https://host/w/show' })
  vi.stubGlobal('document', { documentElement: { dataset: {} }, addEventListener() {}, removeEventListener() {} })
  vi.stubGlobal('addEventListener', () => {})
  vi.stubGlobal('removeEventListener', () => {})
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

it('says that one is banned, also to whoever comes again, and when one is not any more', () => {
  const banned: boolean[] = []
  const audience = new Audience({ room: 'show', key: '', onbanned: (now) => banned.push(now) })
  tell({ type: 'error', of: 'hello', code: 'banned', message: '' })
  tell({ type: 'error', of: 'hello', code: 'banned', message: '' })
  expect(banned).toEqual([true])
  tell(welcome)
  expect(banned).toEqual([true, false])
  tell({ type: 'banned' })
  expect(banned).toEqual([true, false, true])
  audience.stop()
})

it('asks what time it is where its own clock stood still while the computer slept', async () => {
  vi.setSystemTime('2026-01-01T00:00:00Z')
  const audience = new Audience({ room: 'show', key: '' })
  tell(welcome)
  await vi.advanceTimersByTimeAsync(5000)
  const asked = () => wires.at(-1)!.sent.map((text) => JSON.parse(text) as { type: string; id: number }).filter(({ type }) => type === 'ping')
  expect(asked()).toEqual([])
  vi.setSystemTime('2026-01-01T00:01:00Z') // what goes on steadily knows nothing of it
  await vi.advanceTimersByTimeAsync(1000)
  tell({ type: 'ok', id: asked()[0]!.id, at: '2026-01-01T00:01:01Z' })
  await vi.advanceTimersByTimeAsync(0)
  expect(new Date(serverTime(audience.state)).toISOString()).toBe('2026-01-01T00:01:01.000Z')
  audience.stop()
})

it('asks what time it is where it has stood still and hears only now what was said meanwhile', async () => {
  vi.setSystemTime('2026-01-01T00:00:00Z')
  const audience = new Audience({ room: 'show', key: '' })
  tell({ ...welcome, at: new Date(Date.now()).toISOString() })
  await vi.advanceTimersByTimeAsync(1000)
  const at = new Date(Date.now()).toISOString()
  const now = performance.now.bind(performance)
  vi.setSystemTime(Date.now() + 20_000) // the page was frozen
  const later = vi.spyOn(performance, 'now').mockImplementation(() => now() + 20_000)
  tell({ type: 'songs', queue: [], at })
  await vi.advanceTimersByTimeAsync(1000)
  const asked = wires.at(-1)!.sent.map((text) => JSON.parse(text) as { type: string; id: number }).find(({ type }) => type === 'ping')
  tell({ type: 'ok', id: asked?.id, at: new Date(Date.now()).toISOString() })
  await vi.advanceTimersByTimeAsync(0)
  expect(Math.abs(serverTime(audience.state) - Date.now())).toBeLessThan(1000)
  audience.stop()
  later.mockRestore()
})

it('says where one writes why that cannot be', () => {
  const audience = new Audience({ room: 'show', key: '' })
  const hint = () => render(Composer, { props: { view: audience } }).body
  expect(hint()).toContain(t().audience.connecting)
  tell({ type: 'error', of: 'hello', code: 'locked', message: '' })
  // A field's hint would be cut off.
  expect(hint()).toContain(`>${t().audience.refusals.locked}<`)
  tell(welcome, { type: 'bye', reason: 'replaced' })
  expect(hint()).toContain(`>${t().audience.refusals.replaced}<`)
  audience.stop()
})
