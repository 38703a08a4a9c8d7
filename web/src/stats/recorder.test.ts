import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { StatsRecorder } from './recorder.svelte'

/** A report of so many streams. */
const report = (streams: number) =>
  new Map(Array.from({ length: streams }, (_, i) => [`in${i}`, { id: `in${i}`, type: 'inbound-rtp', kind: 'video', timestamp: i, bytesReceived: 1 }])) as unknown as RTCStatsReport

describe('the recorder', () => {
  const page = { hidden: false }
  let streams = 1
  let asked = 0
  let recorder: StatsRecorder

  beforeEach(() => {
    vi.useFakeTimers()
    vi.stubGlobal('document', page)
    page.hidden = false
    streams = 1
    asked = 0
    recorder = new StatsRecorder({ path: 'server', reports: async () => (asked++, [{ connection: 'server', report: report(streams) }]) })
    recorder.start()
  })
  afterEach(() => {
    recorder.stop()
    vi.unstubAllGlobals()
    vi.useRealTimers()
  })

  it('asks once a second, whether or not somebody looks', async () => {
    await vi.advanceTimersByTimeAsync(9_900)
    expect(asked).toBe(10)
    expect(recorder.samples).toHaveLength(10)
  })

  it('asks for nothing in a hidden page', async () => {
    await vi.advanceTimersByTimeAsync(900)
    page.hidden = true
    await vi.advanceTimersByTimeAsync(10_000)
    expect(asked).toBe(1)
    page.hidden = false
    await vi.advanceTimersByTimeAsync(1_000)
    expect(asked).toBe(2)
  })

  it('asks seldom for many streams, but at once and every second while somebody looks', async () => {
    streams = 30
    recorder.stop()
    asked = 0
    recorder.start()
    await vi.advanceTimersByTimeAsync(9_900)
    expect(asked).toBe(1)
    const unwatch = recorder.watch()
    await vi.advanceTimersByTimeAsync(4_900)
    expect(asked).toBe(6)
    unwatch()
    await vi.advanceTimersByTimeAsync(11_000)
    expect(asked).toBe(8)
  })
})
