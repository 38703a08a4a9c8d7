import { afterEach, expect, it, vi } from 'vitest'
import { followStatus, secondsOn } from './status'
import type { LiveOn, LiveStatus } from './types'

afterEach(() => vi.unstubAllGlobals())

it('tells since when a show has been on by this computer’s clock, however far it is from the server’s', async () => {
  vi.stubGlobal('document', { addEventListener() {}, removeEventListener() {} })
  vi.stubGlobal('addEventListener', () => {})
  vi.stubGlobal('removeEventListener', () => {})
  const behind = 3_600_000 // this computer is an hour late
  const at = (ago: number) => new Date(Date.now() + behind - ago)
  const body = `event: status\ndata: ${JSON.stringify({ on: true, since: at(60_000).toISOString(), sources: null, video: null })}\n\n`
  vi.stubGlobal('fetch', async () => new Response(body, { headers: { date: at(0).toUTCString() } }))
  const status = await new Promise<LiveStatus>((resolve) => {
    const stop = followStatus('show', { key: '' }, {
      status: (status) => {
        stop()
        resolve(status)
      },
    })
  })
  // The header says whole seconds.
  expect(Math.abs(secondsOn(status as LiveOn, Date.now()) - 60)).toBeLessThan(5)
})
