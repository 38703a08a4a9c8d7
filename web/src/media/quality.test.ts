import { expect, it } from 'vitest'
import { parseQuality } from './quality'

it.each([
  ['nothing', '', { height: 720, bitrate: 0 }],
  ['what was chosen', '{"height":360,"bitrate":600000}', { height: 360, bitrate: 600_000 }],
  ['sizes that there are not', '{"height":4320,"bitrate":1}', { height: 720, bitrate: 0 }],
  ['a part', '{"height":1080}', { height: 1080, bitrate: 0 }],
  ['something else', '[1,"x"]', { height: 720, bitrate: 0 }],
  ['null', 'null', { height: 720, bitrate: 0 }],
  ['no JSON', '{', { height: 720, bitrate: 0 }],
])('remembers %s', (_, text, want) => expect(parseQuality(text)).toEqual(want))
