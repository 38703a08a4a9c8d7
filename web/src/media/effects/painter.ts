import type { Filter } from './filter'

type Canvas = HTMLCanvasElement | OffscreenCanvas
type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D

/**
 * Paints pictures with a filter onto a canvas. It uses scaling and blend modes alone, which every browser has (Safari lacks
 * `filter` on canvases) and which cost a fraction of it where there is no graphics processor. It belongs to one thread.
 */
export class Painter {
  readonly canvas: Canvas
  #context: Context
  /** Halves of halves of the picture, the smallest last; made when a filter first needs them. */
  #small: { canvas: Canvas; context: Context }[] = []
  #make: () => Canvas

  constructor(canvas: Canvas, make: () => Canvas) {
    this.canvas = canvas
    this.#make = make
    this.#context = contextOf(canvas)
  }

  /** Paints a picture of the given size in pixels; the canvas takes that size. */
  paint(picture: CanvasImageSource, width: number, height: number, filter: Filter) {
    if (this.canvas.width !== width) this.canvas.width = width
    if (this.canvas.height !== height) this.canvas.height = height
    const c = this.#context
    switch (filter) {
      case 'none':
        c.drawImage(picture, 0, 0, width, height)
        break
      case 'blur':
        this.#blend('source-over', 1, this.#blurred(picture, width, height, 20), width, height)
        break
      case 'grayscale':
        c.drawImage(picture, 0, 0, width, height)
        // The brightness of the picture with the saturation of grey (W3C Compositing and Blending, 10.2).
        this.#tint('saturation', 1, '#808080', width, height)
        break
      case 'warm':
        c.drawImage(picture, 0, 0, width, height)
        this.#tint('soft-light', 0.55, '#ff9628', width, height)
        break
      case 'soft':
        c.drawImage(picture, 0, 0, width, height)
        this.#blend('screen', 0.38, this.#blurred(picture, width, height, 90), width, height)
        break
      case 'vivid':
        c.drawImage(picture, 0, 0, width, height)
        this.#blend('overlay', 0.5, picture, width, height)
        break
    }
  }

  #blend(mode: GlobalCompositeOperation, alpha: number, picture: CanvasImageSource, width: number, height: number) {
    const c = this.#context
    c.globalCompositeOperation = mode
    c.globalAlpha = alpha
    c.drawImage(picture, 0, 0, width, height)
    c.globalCompositeOperation = 'source-over'
    c.globalAlpha = 1
  }

  #tint(mode: GlobalCompositeOperation, alpha: number, colour: string, width: number, height: number) {
    const c = this.#context
    c.globalCompositeOperation = mode
    c.globalAlpha = alpha
    c.fillStyle = colour
    c.fillRect(0, 0, width, height)
    c.globalCompositeOperation = 'source-over'
    c.globalAlpha = 1
  }

  /** Halves the picture until its shorter side has at most `finest` pixels, and doubles it back: each step smooths the last. */
  #blurred(picture: CanvasImageSource, width: number, height: number, finest: number): Canvas {
    const sizes = halvings(width, height, finest)
    let from = picture
    sizes.forEach((size, i) => {
      const step = this.#step(i, size)
      step.context.drawImage(from, 0, 0, size.width, size.height)
      from = step.canvas
    })
    for (let i = sizes.length - 2; i >= 0; i--) {
      const size = sizes[i]!
      this.#small[i]!.context.drawImage(from, 0, 0, size.width, size.height)
      from = this.#small[i]!.canvas
    }
    return this.#small[0]!.canvas
  }

  #step(i: number, size: { width: number; height: number }) {
    let step = this.#small[i]
    if (!step) {
      const canvas = this.#make()
      step = { canvas, context: contextOf(canvas) }
      this.#small[i] = step
    }
    if (step.canvas.width !== size.width) step.canvas.width = size.width
    if (step.canvas.height !== size.height) step.canvas.height = size.height
    return step
  }
}

/** The sizes of a picture halved at least once, until its shorter side has at most `finest` pixels. */
export function halvings(width: number, height: number, finest: number): { width: number; height: number }[] {
  const sizes: { width: number; height: number }[] = []
  let [w, h] = [width, height]
  do {
    w = Math.max(1, Math.ceil(w / 2))
    h = Math.max(1, Math.ceil(h / 2))
    sizes.push({ width: w, height: h })
  } while (Math.min(w, h) > finest)
  return sizes
}

function contextOf(canvas: Canvas): Context {
  const context = canvas.getContext('2d', { alpha: false }) as Context | null
  if (!context) throw new Error('this browser paints nothing')
  return context
}

/** A painter for the page; a worker's uses canvases of its own kind. */
export function pagePainter(): Painter {
  const make = () => document.createElement('canvas')
  return new Painter(make(), make)
}
