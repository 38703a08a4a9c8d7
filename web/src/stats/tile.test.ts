import { describe, expect, it } from 'vitest'
import type { Sample, TrackFigures } from './sample'
import { pictureFigures, pictureWords } from './tile'

const sample = (...tracks: Partial<TrackFigures>[]): Sample => ({
  at: 0, path: 'server', connections: [],
  tracks: tracks.map((track, i) => ({ id: String(i), connection: 'server', direction: 'received', kind: 'video', identity: 'ada', what: 'camera', ...track })),
})

describe('a picture’s figures', () => {
  it('are of its largest layer, with what all layers take', () => {
    const now = sample({ height: 180, bitrate: 100 }, { height: 720, bitrate: 1500 }, { height: 360, bitrate: 400 })
    expect(pictureFigures(now, 'ada', 'camera')).toMatchObject({ height: 720, bitrate: 2000 })
  })
  it('are not those of somebody else, nor of another picture', () => {
    expect(pictureFigures(sample({ identity: 'bo' }, { what: 'screen' }), 'ada', 'camera')).toBeUndefined()
    expect(pictureWords(undefined, 'ada', 'camera')).toBe('')
  })
  it('are said in a line, without what is not known', () => {
    const codec = { name: 'H264' }
    expect(pictureWords(sample({ width: 1280, height: 720, fps: 29.7, codec, bitrate: 1_240_000, loss: 0 }), 'ada', 'camera')).toBe('1280×720 · 30 fps · H.264 · 1.2 Mbit/s')
    expect(pictureWords(sample({ bitrate: 40_000, loss: 0.031 }), 'ada', 'camera')).toBe('40 kbit/s · 3.1 % lost')
  })
})
