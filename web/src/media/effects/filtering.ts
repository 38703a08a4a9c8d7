import type { Filter } from './filter'
import { framesOf, hasInsertableStreams, makeGenerator } from './insertable'
import { pagePainter } from './painter'
import { every } from '../ticker'

/** A camera's picture with a filter on. Whoever started it stops it; the camera's track stays the caller's. */
export interface Filtering {
  /** The filtered picture; the same track until `stop`, whatever filter and source. */
  readonly track: MediaStreamTrack
  setFilter(filter: Filter): void
  /** Goes on with another camera. */
  setSource(source: MediaStreamTrack): void
  stop(): void
}

/** Messages to and from the worker. */
export type ToWorker =
  | { type: 'start'; writable: WritableStream<VideoFrame>; filter: Filter }
  | { type: 'source'; readable: ReadableStream<VideoFrame> }
  | { type: 'filter'; filter: Filter }
  | { type: 'stop' }
export type FromWorker = { type: 'first' } | { type: 'failed' } | { type: 'stopped' }

/** How long the first filtered frame may take, in milliseconds; cameras that wake up need a second. */
const patience = 8000

export function canFilter(): boolean {
  return hasInsertableStreams() || (typeof HTMLCanvasElement !== 'undefined' && 'captureStream' in HTMLCanvasElement.prototype)
}

/**
 * Starts to filter a camera's picture, and resolves when the first frame is out. In a worker where the browser has a way for
 * frames to get there (`way` is for tests), else in the page. `onfail` comes when it breaks later.
 */
export async function startFiltering(
  source: MediaStreamTrack, filter: Filter, onfail: () => void, way: 'worker' | 'page' = hasInsertableStreams() ? 'worker' : 'page',
): Promise<Filtering> {
  let first!: () => void
  let fail!: (reason: Error) => void
  const started = new Promise<void>((resolve, reject) => {
    first = resolve
    fail = reject
  })
  let running = false
  const broken = () => (running ? onfail() : fail(new Error('the filter broke')))
  const filtering = way === 'worker' ? new WorkerFiltering(source, filter, first, broken) : new PageFiltering(source, filter, first)
  const timer = setTimeout(() => fail(new Error('no frame came out of the filter')), patience)
  try {
    await started
    running = true
    return filtering
  } catch (error) {
    filtering.stop()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

class WorkerFiltering implements Filtering {
  readonly track: MediaStreamTrack
  #worker: Worker
  #stopped = false

  constructor(source: MediaStreamTrack, filter: Filter, onfirst: () => void, onfail: () => void) {
    const generator = makeGenerator()
    this.track = generator
    this.#worker = new Worker(new URL('./filter.worker.ts', import.meta.url), { type: 'module', name: 'filter' })
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.type === 'stopped') this.#worker.terminate()
      else if (data.type === 'first') onfirst()
      else if (!this.#stopped) onfail()
    }
    this.#worker.onerror = () => {
      if (!this.#stopped) onfail()
    }
    this.#tell({ type: 'start', writable: generator.writable, filter }, [generator.writable])
    this.setSource(source)
  }

  setFilter(filter: Filter) {
    this.#tell({ type: 'filter', filter })
  }

  setSource(source: MediaStreamTrack) {
    const readable = framesOf(source)
    this.#tell({ type: 'source', readable }, [readable])
  }

  stop() {
    if (this.#stopped) return
    this.#stopped = true
    this.track.stop()
    // The worker lets go of its frames and says so; one that hangs is ended all the same.
    this.#tell({ type: 'stop' })
    setTimeout(() => this.#worker.terminate(), 1000)
  }

  #tell(message: ToWorker, transfer: Transferable[] = []) {
    this.#worker.postMessage(message, transfer)
  }
}

/** For browsers without insertable streams: a video element, a canvas, and its captured stream. */
class PageFiltering implements Filtering {
  readonly track: MediaStreamTrack
  #painter = pagePainter()
  #video = document.createElement('video')
  #filter: Filter
  #onfirst: (() => void) | undefined
  #request = 0
  #stopTicking: () => void

  constructor(source: MediaStreamTrack, filter: Filter, onfirst: () => void) {
    this.#filter = filter
    this.#onfirst = onfirst
    this.#video.muted = true
    this.#video.playsInline = true
    this.track = (this.#painter.canvas as HTMLCanvasElement).captureStream().getVideoTracks()[0]!
    this.setSource(source)
    this.#await()
    // A hidden page gets no video frame callbacks, so there the worker's clock has to do.
    this.#stopTicking = every(1000 / 24, () => {
      if (document.hidden || !this.#callbacks) this.#paint()
    })
  }

  get #callbacks(): boolean {
    return 'requestVideoFrameCallback' in this.#video
  }

  #await() {
    if (!this.#callbacks) return
    this.#request = this.#video.requestVideoFrameCallback(() => {
      this.#paint()
      this.#await()
    })
  }

  #paint() {
    const { videoWidth, videoHeight } = this.#video
    if (videoWidth === 0 || this.#video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return
    this.#painter.paint(this.#video, videoWidth, videoHeight, this.#filter)
    this.#onfirst?.()
    this.#onfirst = undefined
  }

  setFilter(filter: Filter) {
    this.#filter = filter
  }

  setSource(source: MediaStreamTrack) {
    this.#video.srcObject = new MediaStream([source])
    void this.#video.play().catch(() => {})
  }

  stop() {
    this.#stopTicking()
    if (this.#callbacks) this.#video.cancelVideoFrameCallback(this.#request)
    this.#video.srcObject = null
    this.track.stop()
  }
}
