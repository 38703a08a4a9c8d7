import { describe, expect, it } from 'vitest'
import { halvings, Painter } from './painter'

describe('halvings', () => {
  it.each([
    [[1280, 720, 20], [[640, 360], [320, 180], [160, 90], [80, 45], [40, 23], [20, 12]]],
    [[720, 1280, 90], [[360, 640], [180, 320], [90, 160]]],
    [[1, 1, 20], [[1, 1]]],
  ])('of %j', ([width, height, finest], want) =>
    expect(halvings(width!, height!, finest!).map((s) => [s.width, s.height])).toEqual(want))
})

describe('a painter', () => {
  /** A canvas that notes what is done to it. */
  function canvas() {
    const done: string[] = []
    const context = {
      globalCompositeOperation: 'source-over', globalAlpha: 1,
      drawImage: (...[, , , width, height]: number[]) => done.push(`draw ${width}x${height} ${context.globalCompositeOperation}`),
      fillRect: () => done.push(`fill ${context.globalCompositeOperation}`),
    }
    return { width: 300, height: 150, done, context, getContext: () => context }
  }

  it.each([
    ['none', ['draw 640x360 source-over']],
    ['blur', ['draw 640x360 source-over']],
    ['grayscale', ['draw 640x360 source-over', 'fill saturation']],
    ['warm', ['draw 640x360 source-over', 'fill soft-light']],
    ['soft', ['draw 640x360 source-over', 'draw 640x360 screen']],
    ['vivid', ['draw 640x360 source-over', 'draw 640x360 overlay']],
  ] as const)('%s', (filter, want) => {
    const own = canvas()
    const painter = new Painter(own as unknown as HTMLCanvasElement, () => canvas() as unknown as HTMLCanvasElement)
    painter.paint({} as CanvasImageSource, 640, 360, filter)
    expect([own.width, own.height, own.done]).toEqual([640, 360, [...want]])
    expect([own.context.globalCompositeOperation, own.context.globalAlpha]).toEqual(['source-over', 1])
  })
})
