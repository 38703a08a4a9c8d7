import { describe, expect, it } from 'vitest'
import { publishCodec } from './codec'

describe('what pictures are sent in', () => {
  it.each<[string, string[], string[], string]>([
    ['the first that the scene names', ['vp9', 'h264'], ['vp8', 'h264', 'vp9'], 'vp9'],
    ['the first of them that the browser has', ['av1', 'vp8'], ['vp8', 'h264'], 'vp8'],
    ['H.264 where it has none of them', ['h265'], ['vp8', 'h264'], 'h264'],
    ['H.264 where the scene names none', [], ['vp8', 'h264'], 'h264'],
    ['VP8 where there is no H.264', ['h264'], ['vp8', 'vp9'], 'vp8'],
  ])('%s', (_, named, has, want) => expect(publishCodec(named, has)).toBe(want))
})
