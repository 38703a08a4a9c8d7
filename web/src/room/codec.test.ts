import { describe, expect, it } from 'vitest'
import { publishCodec, sentCodec } from './codec'

describe('what pictures are sent in', () => {
  it.each<[string, string[], string[], string]>([
    ['the first that the scene names', ['vp9', 'h264'], ['vp8', 'h264', 'vp9'], 'vp9'],
    ['the first of them that the browser has', ['av1', 'vp8'], ['vp8', 'h264'], 'vp8'],
    ['H.264 where it has none of them', ['av1'], ['vp8', 'h264'], 'h264'],
    ['what comes after H.265', ['h265', 'vp9'], ['vp8', 'h264', 'vp9', 'h265'], 'vp9'],
    ['H.264 where the scene names H.265 alone', ['h265'], ['vp8', 'h264', 'h265'], 'h264'],
    ['H.264 where the scene names none', [], ['vp8', 'h264'], 'h264'],
    ['VP8 where there is no H.264', ['h264'], ['vp8', 'vp9'], 'vp8'],
  ])('%s', (_, named, has, want) => expect(publishCodec(named, has)).toBe(want))
})

describe('what pictures go out in', () => {
  const most = ['video/H264', 'video/VP9', 'video/AV1', 'audio/opus', 'audio/red']
  it.each<[string, string, string[], string]>([
    ['what they are to be sent in, where the server takes it', 'vp9', most, 'vp9'],
    ['H.264, where it takes no VP8', 'vp8', most, 'h264'],
    ['VP8, where the browser may lack H.264', 'vp8', ['video/VP8', 'video/VP9', 'video/H264', 'audio/opus'], 'vp8'],
    ['what they are to be sent in, where it says nothing', 'h264', [], 'h264'],
  ])('%s', (_, wanted, types, want) => expect(sentCodec(wanted, types)).toBe(want))
})
