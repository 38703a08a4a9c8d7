import { describe, expect, it } from 'vitest'
import { WebmFile } from './webm'

type Bytes = Uint8Array<ArrayBuffer>
const of = (...bytes: (number | number[] | Bytes)[]): Bytes => new Uint8Array(bytes.flatMap((b) => (typeof b === 'number' ? [b] : [...b])))
const element = (id: number[], content: Bytes): Bytes => of(id, 0x40 | (content.length >> 8), content.length & 0xff, content)

const open = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
const info = [0x15, 0x49, 0xa9, 0x66]
const head = (content = of(0x2a, 0xd7, 0xb1, 0x83, 0x0f, 0x42, 0x40)) => of(
  element([0x1a, 0x45, 0xdf, 0xa3], of(0x42, 0x82, 0x84, [...'webm'].map((c) => c.charCodeAt(0)))),
  [0x18, 0x53, 0x80, 0x67], open, element(info, content), element([0x16, 0x54, 0xae, 0x6b], of(0xae, 0x83, 0xd7, 0x81, 0x01)),
)
const cluster = (time: number, ...blocks: Bytes[]) => of([0x1f, 0x43, 0xb6, 0x75], open, 0xe7, 0x82, time >> 8, time & 0xff, ...blocks)
const block = (relative: number, keyframe: boolean, size = 300) =>
  element([0xa3], of(0x81, (relative >> 8) & 0xff, relative & 0xff, keyframe ? 0x80 : 0, new Uint8Array(size)))

function record(bytes: Bytes, piece: number): { file: Bytes; webm: WebmFile } {
  const webm = new WebmFile()
  const parts: number[] = []
  for (let at = 0; at < bytes.length; at += piece) parts.push(...webm.feed(bytes.slice(at, at + piece)))
  const { append, patches } = webm.finish()
  const file = of(parts, append)
  for (const { position, data } of patches) file.set(data, position)
  return { file, webm }
}

/** Where a run of bytes is in a file, -1 if nowhere. */
const find = (file: Bytes, run: number[], from = 0) => {
  for (let at = from; at <= file.length - run.length; at++) if (run.every((b, i) => file[at + i] === b)) return at
  return -1
}

const recording = of(head(), cluster(0, block(0, true), block(40, false)), cluster(2000, block(0, true), block(960, false)))

describe('a recorded WebM', () => {
  it('gets its duration and an index', () => {
    const { file, webm } = record(recording, 1 << 20)
    expect(webm.duration).toBe(2960)
    const at = find(file, [0x44, 0x89, 0x88])
    expect(new DataView(file.buffer).getFloat64(at + 3)).toBe(2960)
    // The segment's content begins with a pointer to the index.
    const segment = find(file, [0x18, 0x53, 0x80, 0x67]) + 12
    expect([...file.slice(segment, segment + 4)]).toEqual([0x11, 0x4d, 0x9b, 0x74])
    const pointer = find(file, [0x53, 0xac], segment)
    const cues = file.slice(pointer + 3, pointer + 3 + (file[pointer + 2]! & 0x7f)).reduce((n, b) => n * 256 + b, 0)
    expect([...file.slice(segment + cues, segment + cues + 4)]).toEqual([0x1c, 0x53, 0xbb, 0x6b])
    // Both clusters are in it, at the right places.
    const places: number[] = []
    for (let i = find(file, [0xf1], segment + cues); i >= 0; i = find(file, [0xf1], i + 1)) {
      places.push(file.slice(i + 2, i + 2 + (file[i + 1]! & 0x7f)).reduce((n, b) => n * 256 + b, 0))
    }
    for (const place of places) expect([...file.slice(segment + place, segment + place + 4)]).toEqual([0x1f, 0x43, 0xb6, 0x75])
    expect(places).toHaveLength(2)
  })

  it.each([1, 2, 3, 7, 100, 333])('comes out the same in pieces of %d bytes', (piece) =>
    expect(record(recording, piece).file).toEqual(record(recording, 1 << 20).file))

  it('gets the place of a duration that was there', () => {
    const { file, webm } = record(of(head(of(0x44, 0x89, 0x84, 0, 0, 0, 0)), cluster(0, block(0, true)), cluster(500, block(20, false))), 64)
    expect(webm.duration).toBe(520)
    expect(find(file, [0x44, 0x89, 0x84])).toBe(-1)
  })

  it('is not indexed where it cannot grow', () => {
    const webm = new WebmFile()
    webm.feed(recording)
    const { append, patches } = webm.finish(false)
    expect([append.length, patches.length]).toEqual([0, 1])
  })

  it.each<[string, Bytes]>([
    ['nothing', of()],
    ['no WebM', of([...'ftypisom'].map((c) => c.charCodeAt(0)), new Uint8Array(100_000))],
    ['a head without an end', of(head().slice(0, 30))],
    ['a cluster full of nonsense', of(head(), [0x1f, 0x43, 0xb6, 0x75], open, new Uint8Array(5000))],
    ['an element of unknown size', of(head(), [0x1f, 0x43, 0xb6, 0x75], open, 0xa3, 0xff, new Uint8Array(50))],
  ])('passes %s through', (_, bytes) => {
    const { file } = record(bytes, 37)
    const [first, last] = [file.at(0), file.at(-1)]
    expect([first, last]).toEqual([bytes.at(0), bytes.at(-1)])
    expect(file.length).toBeGreaterThanOrEqual(bytes.length)
  })

  it('bears whatever bytes come', () => {
    let seed = 7
    const random = (n: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % n
    for (let round = 0; round < 400; round++) {
      const bytes = recording.slice(0, 40 + random(recording.length - 40))
      for (let i = random(12); i >= 0; i--) bytes[random(round % 2 ? 120 : bytes.length)] = random(256)
      const { file, webm } = record(bytes, 1 + random(500))
      expect(file.length).toBeGreaterThanOrEqual(Math.min(bytes.length, 1))
      expect(webm.duration).toBeGreaterThanOrEqual(0)
    }
  })
})
