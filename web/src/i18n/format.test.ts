import { describe, expect, it } from 'vitest'
import { bitrate, bytes, clock, codecName, moment, timeOfDay } from './format'

describe('formats', () => {
  it.each([[0, '0:00'], [65.9, '1:05'], [3600, '1:00:00'], [45_296, '12:34:56'], [-3, '0:00']])('%f s', (s, want) => expect(clock(s)).toBe(want))
  it.each([[0, '0 kbit/s'], [128_000, '128 kbit/s'], [2_440_000, '2.4 Mbit/s'], [3.12e9, '3.12 Gbit/s']])('%f bit/s', (n, want) => expect(bitrate(n)).toBe(want))
  it.each([[2048, '2 KB'], [11 << 20, '11 MB'], [3 * 2 ** 30, '3.0 GB']])('%d bytes', (n, want) => expect(bytes(n)).toBe(want))
  it.each([
    ['en', ['en-GB'], '16:37'], ['en', ['de', 'en-US'], '4:37 PM'], ['en', ['de'], '16:37'], ['zh', ['en-US', 'zh-CN'], '16:37'],
  ] as const)('a time in %s for %s', (language, preferred, want) =>
    expect(timeOfDay(new Date(2026, 0, 1, 16, 37).getTime(), language, preferred).replace(/\s/, ' ')).toBe(want))
  it('tells the date of what was not today', () => {
    const at = new Date(2026, 2, 5, 23, 59, 58).getTime()
    expect(moment(at, 'zh', at + 1000)).toBe('23:59:58')
    expect(moment(at, 'zh', at + 2000)).toBe('2026年3月5日 23:59:58')
  })
  it.each([['h264', 'H.264'], ['video/VP8', 'VP8'], ['opus', 'Opus'], ['other', 'other']])('%s', (codec, want) => expect(codecName(codec)).toBe(want))
})
