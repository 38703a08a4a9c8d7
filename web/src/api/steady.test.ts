import { expect, it } from 'vitest'
import { SteadyRates } from './steady'
import type { LiveOn } from './types'

function status(fps: number, sid = 'TR_1'): LiveOn {
  return {
    on: true, since: '', title: '', viewers: 0, viewersByProtocol: {}, peakViewers: 0, audio: null, warnings: [], play: {},
    video: { codec: 'h264', width: 1280, height: 720, fps, bitrate: 0 },
    sources: [{ identity: 'a', name: 'A', kind: 'person', tracks: [{ sid, kind: 'video', codec: 'h264', fps, shown: true }] }],
  }
}

function shown(rates: SteadyRates, fps: number, at: number, sid?: string): number {
  const out = rates.apply(status(fps, sid), at) as LiveOn
  expect(out.sources![0]!.tracks![0]!.fps).toBe(out.video!.fps)
  return out.video!.fps
}

it('holds a rate steady that jumps, and follows one that changes', () => {
  const rates = new SteadyRates()
  shown(rates, 30, 0)
  let at = 0
  for (const fps of [27, 33, 28, 32, 26, 34]) {
    at += 2000
    expect(Math.abs(shown(rates, fps, at) - 30)).toBeLessThan(3)
  }
  for (let i = 0; i < 6; i++) shown(rates, 15, (at += 2000))
  expect(shown(rates, 15, at + 2000)).toBeCloseTo(15, 0)
})

it('takes a stop, a start and another picture at once', () => {
  const rates = new SteadyRates()
  expect(shown(rates, 30, 0)).toBe(30)
  expect(shown(rates, 0, 100)).toBe(0)
  expect(shown(rates, 25, 200)).toBe(25)
  expect(shown(rates, 10, 300, 'TR_2')).toBe(10)
})

it('does not depend on how often the status comes', () => {
  const often = new SteadyRates()
  const seldom = new SteadyRates()
  shown(often, 30, 0)
  shown(seldom, 30, 0)
  for (let at = 100; at < 4000; at += 100) shown(often, 20, at)
  expect(shown(often, 20, 4000)).toBeCloseTo(shown(seldom, 20, 4000), 5)
})

it('lets a room off the air through', () => {
  expect(new SteadyRates().apply({ on: false, returning: true }, 0)).toEqual({ on: false, returning: true })
})
