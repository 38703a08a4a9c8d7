import { watchLevel } from '../media/level'
import { pause } from './wait'

/** What a camera's picture looks like over a while. */
export interface Look {
  width: number
  height: number
  fps: number
  /** 0 to 255. */
  brightness: number
  /** The largest mean difference of pixels between two looks, 0 to 255. */
  change: number
}

/** Looks at a picture for a time. */
export async function lookAt(track: MediaStreamTrack, milliseconds: number, signal: AbortSignal): Promise<Look> {
  const video = document.createElement('video')
  video.muted = video.playsInline = true
  video.srcObject = new MediaStream([track])
  const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 36 })
  const context = canvas.getContext('2d', { willReadFrequently: true })!
  let frames = 0
  const count = () => {
    frames++
    video.requestVideoFrameCallback?.(count)
  }
  video.requestVideoFrameCallback?.(count)
  try {
    await video.play()
    const look: Look = { width: 0, height: 0, fps: 0, brightness: 0, change: 0 }
    let before: Uint8ClampedArray | undefined
    const began = performance.now()
    while (performance.now() - began < milliseconds) {
      await pause(200, signal)
      if (video.videoWidth === 0) continue
      context.drawImage(video, 0, 0, canvas.width, canvas.height)
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height)
      const seen = brightnessAndChange(data, before)
      look.brightness = Math.max(look.brightness, seen.brightness)
      look.change = Math.max(look.change, seen.change)
      before = data
    }
    look.width = video.videoWidth
    look.height = video.videoHeight
    look.fps = Math.round((frames * 1000) / (performance.now() - began))
    return look
  } finally {
    video.srcObject = null
  }
}

/** Means over all pixels (RGBA), each channel counting the same. */
export function brightnessAndChange(now: Uint8ClampedArray, before: Uint8ClampedArray | undefined): { brightness: number; change: number } {
  let [light, change] = [0, 0]
  for (let i = 0; i < now.length; i++) {
    if (i % 4 === 3) continue
    light += now[i]!
    if (before) change += Math.abs(now[i]! - before[i]!)
  }
  const channels = Math.max(1, (now.length / 4) * 3)
  return { brightness: light / channels, change: change / channels }
}

/** Listens until something clear is heard, at most for a time; gives the loudest, 0 to 1. */
export async function listen(track: MediaStreamTrack, milliseconds: number, tell: (level: number) => void, signal: AbortSignal): Promise<number> {
  let loudest = 0
  const stop = watchLevel(new MediaStream([track]), (level) => {
    loudest = Math.max(loudest, level)
    tell(level)
  })
  try {
    const began = performance.now()
    while (performance.now() - began < milliseconds && !(loudest > 0.3 && performance.now() - began > 1500)) await pause(100, signal)
    return loudest
  } finally {
    stop()
  }
}
