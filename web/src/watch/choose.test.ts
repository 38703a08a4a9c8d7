import { describe, expect, it } from 'vitest'
import { credentialFor, waysToPlay, type Abilities } from './choose'

const chrome: Abilities = { webrtc: true, mse: true, managed: false, nativeHls: false, wechat: false }
const iphone: Abilities = { webrtc: true, mse: false, managed: false, nativeHls: true, wechat: false }
const all = { whep: '/whep/x', flv: '/live/x.flv', hls: '/live/x/index.m3u8' }

describe('ways to play', () => {
  it.each([
    ['a desktop browser', all, chrome, undefined, ['whep', 'flv', 'hls']],
    ['an older iPhone', all, iphone, undefined, ['whep', 'hls']],
    ['a newer iPhone', all, { ...iphone, managed: true }, undefined, ['whep', 'flv', 'hls']],
    ['WeChat on Android', all, { ...chrome, wechat: true }, undefined, ['hls', 'flv']],
    ['WeChat on an iPhone', all, { ...iphone, wechat: true }, undefined, ['hls']],
    ['no WebRTC', all, { ...chrome, webrtc: false }, undefined, ['flv', 'hls']],
    ['chosen by hand', all, chrome, 'hls', ['hls', 'whep', 'flv']],
    ['chosen, but not possible', all, iphone, 'flv', ['whep', 'hls']],
    ['not offered', { hls: '/live/x/index.m3u8' }, chrome, undefined, ['hls']],
    ['nothing', {}, chrome, undefined, []],
  ] as const)('%s', (_, offered, can, chosen, want) => expect(waysToPlay(offered, can, chosen)).toEqual(want))
})

describe('what a player shows', () => {
  const page = 'https://show.example.com/w/demo'
  it.each<[string, 'whep' | 'flv' | 'hls', string, string]>([
    ['here', 'flv', '/live/demo.flv', 'secret'],
    ['here, with a pass', 'hls', '/live/~t1.abc/demo/index.m3u8', ''],
    ['at a network in front', 'flv', 'https://cdn.example.com/live/demo.flv?sign=1', ''],
    ['at another name of the server', 'whep', 'https://origin.example.com/whep/demo', 'secret'],
  ])('%s', (_, protocol, address, want) => expect(credentialFor(protocol, address, page, { key: 'secret' })).toEqual({ key: want }))
})
