// Reads a camera's frames, paints each with the filter, and writes it to the track that is sent.
import type { Filter } from './filter'
import type { FromWorker, ToWorker } from './filtering'
import { Painter } from './painter'
import { Timeline } from './timeline'

const make = () => new OffscreenCanvas(1, 1)
const painter = new Painter(make(), make)
const timeline = new Timeline()
let filter: Filter = 'none'
let reader: ReadableStreamDefaultReader<VideoFrame> | undefined
let writer: WritableStreamDefaultWriter<VideoFrame> | undefined
let first = true

const tell = (message: FromWorker) => postMessage(message)

async function follow(readable: ReadableStream<VideoFrame>) {
  const before = reader
  const own = readable.getReader()
  reader = own
  void before?.cancel().catch(() => {})
  timeline.change()
  for (;;) {
    const { value: frame, done } = await own.read()
    if (done) return
    if (own !== reader || !writer) {
      frame.close()
      return
    }
    const painted = paint(frame)
    // Waiting for it keeps frames from piling up: the camera drops what nobody reads.
    await writer.write(painted)
    if (first) tell({ type: 'first' })
    first = false
  }
}

function paint(frame: VideoFrame): VideoFrame {
  try {
    painter.paint(frame, frame.displayWidth, frame.displayHeight, filter)
    return new VideoFrame(painter.canvas as OffscreenCanvas, { timestamp: timeline.next(frame.timestamp, performance.now()) })
  } finally {
    frame.close()
  }
}

async function stop() {
  const [oldReader, oldWriter] = [reader, writer]
  reader = writer = undefined
  await Promise.allSettled([oldReader?.cancel(), oldWriter?.abort()])
  tell({ type: 'stopped' })
}

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  switch (data.type) {
    case 'start':
      writer = data.writable.getWriter()
      filter = data.filter
      break
    case 'filter':
      filter = data.filter
      break
    case 'source':
      follow(data.readable).catch(() => {
        if (writer) tell({ type: 'failed' })
      })
      break
    case 'stop':
      void stop()
      break
  }
})
