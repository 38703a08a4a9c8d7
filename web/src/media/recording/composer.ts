import { bestGrid } from '../../room/layout'
import { hueOf, initials } from '../../ui/initials'
import { hasInsertableStreams, makeGenerator, type TrackGenerator } from '../effects/insertable'
import { every } from '../ticker'

/** One person's picture (or the place of one) in a recording. */
export interface ComposedTile {
  id: string
  name: string
  video?: MediaStreamTrack | HTMLVideoElement | undefined
}

export const composedSize = { width: 1280, height: 720 }
const framesPerSecond = 25
const gap = 8

interface Shown {
  tile: ComposedTile
  element: HTMLVideoElement | undefined
  /** Elements that were made here are let go here. */
  own: boolean
}

/**
 * Puts everybody's pictures side by side on a canvas, 25 times a second, and gives that as a track. It goes on in a page in
 * the background. Its owner stops it.
 */
export class Composer {
  readonly track: MediaStreamTrack
  #canvas = document.createElement('canvas')
  #context: CanvasRenderingContext2D
  #shown: Shown[] = []
  #writer: WritableStreamDefaultWriter<VideoFrame> | undefined
  #stopTicking: () => void
  #paused = false

  constructor() {
    this.#canvas.width = composedSize.width
    this.#canvas.height = composedSize.height
    const context = this.#canvas.getContext('2d', { alpha: false })
    if (!context) throw new Error('this browser paints nothing')
    this.#context = context
    if (hasInsertableStreams()) {
      // A captured canvas stands still in a page in the background; frames that are written do not.
      const generator: TrackGenerator = makeGenerator()
      this.#writer = generator.writable.getWriter()
      this.track = generator
    } else {
      this.track = this.#canvas.captureStream(framesPerSecond).getVideoTracks()[0]!
    }
    this.#stopTicking = every(1000 / framesPerSecond, () => this.#tick())
  }

  set(tiles: ComposedTile[]) {
    const before = new Map(this.#shown.map((shown) => [shown.tile.id, shown]))
    this.#shown = tiles.map((tile) => {
      const old = before.get(tile.id)
      if (old && old.tile.video === tile.video) {
        before.delete(tile.id)
        return { ...old, tile }
      }
      return show(tile)
    })
    for (const shown of before.values()) letGo(shown)
  }

  pause(paused: boolean) {
    this.#paused = paused
  }

  stop() {
    this.#stopTicking()
    this.set([])
    this.track.stop()
    this.#writer?.abort().catch(() => {})
    this.#writer = undefined
  }

  #tick() {
    const writer = this.#writer
    // What the recorder does not take is not painted: a canvas that nobody reads holds on to every picture drawn on it.
    if (this.#paused || (writer && (writer.desiredSize ?? 0) <= 0)) return
    this.#paint()
    if (!writer) return
    const frame = new VideoFrame(this.#canvas, { timestamp: Math.round(performance.now() * 1000) })
    writer.write(frame).catch(() => frame.close())
  }

  #paint() {
    const c = this.#context
    c.fillStyle = '#0c0d10'
    c.fillRect(0, 0, composedSize.width, composedSize.height)
    for (const [i, rect] of placesOf(this.#shown.length).entries()) drawTile(c, this.#shown[i]!, rect)
  }
}

export interface Rect {
  x: number
  y: number
  width: number
  height: number
}

/** The places of n tiles, centred, the last row too. */
export function placesOf(n: number, { width, height } = composedSize): Rect[] {
  const { columns, rows, tile } = bestGrid(n, { width, height }, gap)
  const top = (height - rows * tile.height - (rows - 1) * gap) / 2
  return Array.from({ length: n }, (_, i) => {
    const row = Math.floor(i / columns)
    const inRow = Math.min(columns, n - row * columns)
    const left = (width - inRow * tile.width - (inRow - 1) * gap) / 2
    return {
      x: Math.round(left + (i % columns) * (tile.width + gap)), y: Math.round(top + row * (tile.height + gap)),
      width: tile.width, height: tile.height,
    }
  })
}

/** The largest place for a picture of some shape within another, so that all of it is seen. */
export function fitted(picture: { width: number; height: number }, into: Rect): Rect {
  const scale = Math.min(into.width / picture.width, into.height / picture.height)
  const width = Math.round(picture.width * scale)
  const height = Math.round(picture.height * scale)
  return { x: Math.round(into.x + (into.width - width) / 2), y: Math.round(into.y + (into.height - height) / 2), width, height }
}

function show(tile: ComposedTile): Shown {
  const { video } = tile
  if (!(video instanceof MediaStreamTrack)) return { tile, element: video, own: false }
  const element = document.createElement('video')
  element.muted = true
  element.playsInline = true
  element.srcObject = new MediaStream([video])
  void element.play().catch(() => {})
  return { tile, element, own: true }
}

function letGo({ element, own }: Shown) {
  if (own && element) element.srcObject = null
}

function drawTile(c: CanvasRenderingContext2D, { tile, element }: Shown, rect: Rect) {
  c.save()
  c.beginPath()
  c.roundRect(rect.x, rect.y, rect.width, rect.height, 12)
  c.clip()
  c.fillStyle = '#1a1d23'
  c.fillRect(rect.x, rect.y, rect.width, rect.height)
  const ended = tile.video instanceof MediaStreamTrack && tile.video.readyState === 'ended'
  if (element && !ended && element.videoWidth > 0 && element.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) {
    const { x, y, width, height } = fitted({ width: element.videoWidth, height: element.videoHeight }, rect)
    c.drawImage(element, x, y, width, height)
  } else {
    drawAvatar(c, tile, rect)
  }
  drawName(c, tile.name, rect)
  c.restore()
}

function drawAvatar(c: CanvasRenderingContext2D, { id, name }: ComposedTile, { x, y, width, height }: Rect) {
  const radius = Math.min(width, height) * 0.16
  c.fillStyle = `hsl(${hueOf(id)} 46% 33%)`
  c.beginPath()
  c.arc(x + width / 2, y + height / 2, radius, 0, Math.PI * 2)
  c.fill()
  c.fillStyle = '#ffffff'
  c.font = `600 ${Math.round(radius * 0.75)}px system-ui, sans-serif`
  c.textAlign = 'center'
  c.textBaseline = 'middle'
  c.fillText(initials(name), x + width / 2, y + height / 2, radius * 1.8)
}

function drawName(c: CanvasRenderingContext2D, name: string, { x, y, width, height }: Rect) {
  if (name === '') return
  c.font = '500 18px system-ui, sans-serif'
  c.textAlign = 'start'
  c.textBaseline = 'middle'
  const room = width - 40
  const wide = Math.min(room, c.measureText(name).width)
  c.fillStyle = 'rgb(16 18 24 / 0.66)'
  c.beginPath()
  c.roundRect(x + 10, y + height - 42, wide + 20, 32, 8)
  c.fill()
  c.fillStyle = '#ffffff'
  c.fillText(name, x + 20, y + height - 26, room)
}
