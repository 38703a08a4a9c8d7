import { afterEach, expect, it, vi } from 'vitest'
import type { Promotion } from '../audience/protocol'
import { Seat } from './seat.svelte'

const devices = vi.hoisted(() => ({ starting: true, start: async () => {}, handOver: () => ({}), stop() {} }))
const sent = vi.hoisted(() => vi.fn())
vi.mock('../media/preview.svelte', () => ({ Preview: function () { return devices } }))
vi.mock('../room/session.svelte', () => ({ RoomSession: function () { return { phase: 'connected', send: sent, async leave() {} } } }))

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('goes up though a device is opened anew when the countdown ends', async () => {
  vi.useFakeTimers()
  vi.stubGlobal('window', globalThis)
  const promotion = { preview: 3, token: 't', url: 'u' } as Promotion & { token: string; url: string }
  const seat = new Seat({ room: 'tea', title: '', name: 'Ada', identity: '', credential: { key: '' }, scene: undefined, promotion, onin() {}, onover() {} })
  await vi.advanceTimersByTimeAsync(5000)
  expect([seat.phase, seat.left]).toEqual(['preview', 0])
  devices.starting = false
  await vi.advanceTimersByTimeAsync(1000)
  expect(seat.phase).toBe('on')
  expect(sent).toHaveBeenCalledOnce()
  await seat.leave()
})
