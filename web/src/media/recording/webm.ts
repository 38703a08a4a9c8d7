// Makes what a browser records as WebM seekable (RFC 8794, RFC 9559): browsers write for a stream, without duration and index.

const ids = {
  ebml: 0x1a45dfa3, segment: 0x18538067, seekHead: 0x114d9b74, info: 0x1549a966, cluster: 0x1f43b675, cues: 0x1c53bb6b, void: 0xec,
  timestampScale: 0x2ad7b1, duration: 0x4489, timestamp: 0xe7, simpleBlock: 0xa3, blockGroup: 0xa0, block: 0xa1,
  seek: 0x4dbb, seekId: 0x53ab, seekPosition: 0x53ac,
  cuePoint: 0xbb, cueTime: 0xb3, cueTrackPositions: 0xb7, cueTrack: 0xf7, cueClusterPosition: 0xf1,
}

/** What comes before the first cluster is a few hundred bytes; more is no recording of a browser's. */
const maxHead = 64 * 1024
/** Room kept at the beginning for a pointer to the index, in bytes. */
const seekHeadRoom = 48
/** An index entry at most this often, in units of the file's clock (milliseconds). */
const cueEvery = 1000

type Bytes = Uint8Array<ArrayBuffer>

/** Bytes to be written over others that were written before. */
export interface Patch {
  position: number
  data: Bytes
}

/**
 * Passes a recording through, in whatever pieces it comes, and learns its clusters; at the end it has an index to append, and
 * the duration to write into the place that it kept for it. What it does not understand it passes through unchanged.
 */
export class WebmFile {
  /** Bytes of the file that were given out so far. */
  written = 0
  #pending: Bytes = new Uint8Array(0)
  /** Bytes of an element that are passed through unread. */
  #skip = 0
  #state: 'head' | 'clusters' | 'unknown' = 'head'
  /** Where the segment's content begins: positions in the index count from there. */
  #segment = 0
  #durationAt = -1
  #seekHeadAt = -1
  #clusterAt = 0
  #clusterTime = 0
  #end = 0
  #cues: { time: number; track: number; position: number }[] = []

  /** Takes the next piece and gives what goes into the file for it. */
  feed(piece: Bytes): Bytes {
    const out = this.#feed(piece)
    this.written += out.length
    return out
  }

  /** How long the recording is, in units of the file's clock, milliseconds in all browsers. */
  get duration(): number {
    return this.#end
  }

  /**
   * What comes at the end of the file, and over what was written before. Nothing may be fed afterwards. A file that can grow no
   * more does without an index.
   */
  finish(index = true): { append: Bytes; patches: Patch[] } {
    const rest = this.#pending
    this.#pending = new Uint8Array(0)
    if (this.#durationAt < 0) return { append: rest, patches: [] }
    const duration = new Uint8Array(8)
    new DataView(duration.buffer).setFloat64(0, this.#end)
    const patches: Patch[] = [{ position: this.#durationAt, data: duration }]
    // A piece of a cluster that is not whole is not worth an index behind it.
    if (!index || this.#state !== 'clusters' || this.#skip > 0 || rest.length > 0 || this.#cues.length === 0) return { append: rest, patches }
    const cuesAt = this.written - this.#segment
    const cues = element(ids.cues, ...this.#cues.map((cue) =>
      element(ids.cuePoint, element(ids.cueTime, uint(cue.time)),
        element(ids.cueTrackPositions, element(ids.cueTrack, uint(cue.track)), element(ids.cueClusterPosition, uint(cue.position)))),
    ))
    const pointer = element(ids.seekHead, element(ids.seek, element(ids.seekId, idBytes(ids.cues)), element(ids.seekPosition, uint(cuesAt))))
    patches.push({ position: this.#seekHeadAt, data: concat(pointer, empty(seekHeadRoom - pointer.length)) })
    return { append: cues, patches }
  }

  #feed(piece: Bytes): Bytes {
    if (this.#state === 'unknown') return piece
    let bytes = concat(this.#pending, piece)
    this.#pending = new Uint8Array(0)
    const out: Bytes[] = []
    if (this.#state === 'head') {
      const head = this.#readHead(bytes)
      if (!head) {
        if (bytes.length > maxHead) {
          this.#state = 'unknown'
          return bytes
        }
        this.#pending = bytes
        return new Uint8Array(0)
      }
      out.push(head.out)
      bytes = bytes.subarray(head.length)
      this.#state = 'clusters'
    }
    out.push(this.#readClusters(bytes, this.written + (out[0]?.length ?? 0)))
    return concat(...out)
  }

  /** The head as it goes into the file, once all of it has come; `length` is how much of the input it was. */
  #readHead(bytes: Bytes): { out: Bytes; length: number } | undefined {
    const ebml = readElement(bytes, 0)
    if (!ebml || ebml.id !== ids.ebml || ebml.size === undefined) return undefined
    const segment = readElement(bytes, ebml.content + ebml.size)
    if (!segment || segment.id !== ids.segment) return undefined
    const kept: Bytes[] = []
    let durationIn = -1
    let length = 0
    let at = segment.content
    for (;;) {
      const next = readElement(bytes, at)
      if (!next) return undefined
      if (next.id === ids.cluster) break
      if (next.size === undefined || next.content + next.size > bytes.length) return undefined
      const whole = bytes.subarray(at, next.content + next.size)
      if (next.id === ids.info) {
        const info = withDuration(bytes.subarray(next.content, next.content + next.size))
        durationIn = length + info.durationAt
        kept.push(info.bytes)
        length += info.bytes.length
      } else if (next.id !== ids.seekHead && next.id !== ids.void) {
        kept.push(whole)
        length += whole.length
      }
      at = next.content + next.size
    }
    if (durationIn < 0) return undefined
    const start = concat(bytes.subarray(0, ebml.content + ebml.size), idBytes(ids.segment), unknownSize())
    this.#segment = start.length
    this.#seekHeadAt = start.length
    this.#durationAt = start.length + seekHeadRoom + durationIn
    return { out: concat(start, empty(seekHeadRoom), ...kept), length: at }
  }

  /** Learns times and places of what is in the clusters; `position` is where these bytes begin in the file. */
  #readClusters(bytes: Bytes, position: number): Bytes {
    let at = Math.min(this.#skip, bytes.length)
    this.#skip -= at
    while (at < bytes.length) {
      const next = readElement(bytes, at)
      if (!next) break
      if (next.id === ids.cluster || next.id === ids.blockGroup) {
        if (next.id === ids.cluster) this.#clusterAt = position + at - this.#segment
        at = next.content
        continue
      }
      // An element of unknown size that cannot be looked into, or nonsense: the rest goes through unread.
      if (next.size === undefined) {
        this.#state = 'unknown'
        return bytes
      }
      const needed = next.id === ids.timestamp ? next.size : next.id === ids.simpleBlock || next.id === ids.block ? Math.min(next.size, 12) : 0
      if (needed > 12) {
        this.#state = 'unknown'
        return bytes
      }
      if (next.content + needed > bytes.length) break
      if (next.id === ids.timestamp) this.#clusterTime = readUint(bytes, next.content, next.size)
      else if (needed > 0) this.#learn(bytes.subarray(next.content, next.content + needed), next.id === ids.simpleBlock)
      const end = next.content + next.size
      this.#skip = Math.max(0, end - bytes.length)
      at = Math.min(end, bytes.length)
    }
    this.#pending = bytes.slice(at)
    // The longest head of an element that is not read yet.
    if (this.#pending.length > 64) {
      this.#state = 'unknown'
      this.#pending = new Uint8Array(0)
      return bytes
    }
    return bytes.slice(0, at)
  }

  /** A block begins with its track, its time after the cluster's, and flags (RFC 9559, 10.2). */
  #learn(block: Bytes, simple: boolean) {
    const track = readVint(block, 0)
    if (!track || track.value === undefined || block.length < track.length + 3) return
    const relative = new DataView(block.buffer, block.byteOffset).getInt16(track.length)
    const time = this.#clusterTime + relative
    if (time < 0 || !Number.isSafeInteger(time)) return
    this.#end = Math.max(this.#end, time)
    const keyframe = simple && (block[track.length + 2]! & 0x80) !== 0
    const last = this.#cues.at(-1)
    if (keyframe && this.#clusterAt !== last?.position && (!last || time >= last.time + cueEvery)) {
      this.#cues.push({ time, track: track.value, position: this.#clusterAt })
    }
  }
}

/** The content of an Info element as a whole element with a duration of 0 in it, and where its eight bytes are. */
function withDuration(content: Bytes): { bytes: Bytes; durationAt: number } {
  const kept: Bytes[] = []
  let at = 0
  for (let next = readElement(content, 0); next?.size !== undefined; next = readElement(content, at)) {
    const end = Math.min(content.length, next.content + next.size)
    if (next.id !== ids.duration && next.id !== ids.void) kept.push(content.subarray(at, end))
    at = end
  }
  const bytes = element(ids.info, ...kept, element(ids.duration, new Uint8Array(8)))
  return { bytes, durationAt: bytes.length - 8 }
}

/** An element's id, where its content begins, and its size: undefined where the file leaves it open. */
function readElement(bytes: Uint8Array, at: number): { id: number; content: number; size: number | undefined } | undefined {
  const first = bytes[at]
  if (first === undefined) return undefined
  const length = Math.clz32(first) - 23
  if (length > 4) return { id: 0, content: at + 1, size: undefined }
  if (at + length > bytes.length) return undefined
  let id = 0
  for (let i = 0; i < length; i++) id = id * 256 + bytes[at + i]!
  const size = readVint(bytes, at + length)
  return size && { id, content: at + length + size.length, size: size.value }
}

/** A number of variable length (RFC 8794, 4); all ones stand for "unknown". */
function readVint(bytes: Uint8Array, at: number): { length: number; value: number | undefined } | undefined {
  const first = bytes[at]
  if (first === undefined) return undefined
  const length = Math.clz32(first) - 23
  if (length > 8) return { length: 1, value: undefined }
  if (at + length > bytes.length) return undefined
  let value = first & (0xff >> length)
  let ones = value === 0xff >> length
  for (let i = 1; i < length; i++) {
    value = value * 256 + bytes[at + i]!
    ones &&= bytes[at + i] === 0xff
  }
  return { length, value: ones || !Number.isSafeInteger(value) ? undefined : value }
}

function readUint(bytes: Uint8Array, at: number, size: number): number {
  let value = 0
  for (let i = 0; i < size; i++) value = value * 256 + bytes[at + i]!
  return value
}

function element(id: number, ...content: Bytes[]): Bytes {
  const size = content.reduce((sum, part) => sum + part.length, 0)
  return concat(idBytes(id), sizeBytes(size), ...content)
}

function idBytes(id: number): Bytes {
  return uint(id)
}

/** Size in the shortest form that is not "unknown". */
function sizeBytes(size: number): Bytes {
  let length = 1
  while (size >= 2 ** (7 * length) - 1) length++
  const bytes = new Uint8Array(length)
  for (let i = length - 1, rest = size; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256
  bytes[0] = bytes[0]! | (0x80 >> (length - 1))
  return bytes
}

function unknownSize(): Bytes {
  return new Uint8Array([0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
}

function uint(value: number): Bytes {
  const bytes: number[] = []
  for (let rest = value; bytes.length === 0 || rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return new Uint8Array(bytes)
}

/** A Void element that takes exactly `length` bytes, 9 or more. */
function empty(length: number): Bytes {
  const bytes = new Uint8Array(length)
  bytes[0] = ids.void
  bytes[1] = 0x01
  new DataView(bytes.buffer).setUint32(5, length - 9)
  return bytes
}

function concat(...parts: Bytes[]): Bytes {
  if (parts.length === 1) return parts[0]!
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
