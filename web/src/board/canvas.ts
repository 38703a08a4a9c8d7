import Konva from 'konva/lib/Core'
import { Line } from 'konva/lib/shapes/Line'
import { Rect } from 'konva/lib/shapes/Rect'
import { Transformer } from 'konva/lib/shapes/Transformer'
import type { Layer } from 'konva/lib/Layer'
import type { Shape } from 'konva/lib/Shape'
import type { Stage } from 'konva/lib/Stage'
import type { BoardModel, Canvasses, Traced } from './model.svelte'
import { nodeOf } from './nodes'
import { pieces, simplify } from './stroke'
import { newId, sizeOf, type Style, type Tool } from './tools'
import { height, width, type Element, type Look, type Trace } from './wire'

/** How often others hear of a line that is being drawn, in milliseconds. */
const traceEvery = 100
/** How often lines of others that stopped in the middle are looked for. */
const sweepEvery = 2000
const smallest = 6

export interface Host {
  /** Whether this person may draw now. */
  mayDraw(): boolean
  trace(trace: Trace): void
  /** Somebody wants to write there, or to change a text. */
  write(at: { x: number; y: number }, text?: { id: string; look: Look }): void
  selected(count: number): void
}

/** Something being drawn: the pointer that draws it and what it has drawn. */
interface Stroke {
  pointer: number
  tool: Tool
  style: Style
  id: string
  /** x, y, x, y, … in the page's units. */
  points: number[]
  /** How many numbers others know already. */
  told: number
  node: Shape | undefined
  erased: Set<string>
}

/** The board's page on a canvas, and the hand that draws on it. */
export class Canvas implements Canvasses {
  #stage: Stage
  #paper: Layer
  #hand: Layer
  #frame: Transformer
  #marquee: Rect
  #traces = new Map<string, Line>()
  #nodes = new Map<string, Shape>()
  #page = ''
  #tool: Tool = 'pen'
  #style: Style = { color: 'black', size: 1, fill: false }
  #stroke: Stroke | undefined
  /** How many pixels a unit of the page is. */
  #scale = 1
  #timer = 0
  #sweeper: number
  #moved = new Map<string, Look>()

  constructor(readonly container: HTMLDivElement, readonly model: BoardModel, readonly host: Host) {
    this.#stage = new Konva.Stage({ container, width: 1, height: 1 })
    this.#paper = new Konva.Layer()
    this.#hand = new Konva.Layer()
    this.#frame = new Transformer({
      rotateEnabled: false, flipEnabled: false, ignoreStroke: true, anchorSize: 14, anchorCornerRadius: 7, borderStroke: '#4f46e5', anchorStroke: '#4f46e5',
      boundBoxFunc: (before, after) => (after.width < smallest || after.height < smallest ? before : after),
    })
    this.#marquee = new Rect({ visible: false, stroke: '#4f46e5', strokeWidth: 1, strokeScaleEnabled: false, dash: [4, 4] })
    this.#hand.add(this.#frame, this.#marquee)
    this.#stage.add(this.#paper, this.#hand)
    this.#stage.on('dragend transformend', (event) => this.#gather(event.target as Shape))
    this.#stage.on('dblclick dbltap', (event) => this.#rewrite(event.target.id() || (this.selection()[0] ?? '')))
    const content = this.#stage.content
    content.addEventListener('pointerdown', this.#down)
    content.addEventListener('pointermove', this.#move)
    content.addEventListener('pointerup', this.#up)
    content.addEventListener('pointercancel', this.#cancel)
    this.#sweeper = window.setInterval(() => this.#traces.size > 0 && this.#sweep(), sweepEvery)
    model.canvas = this
  }

  destroy() {
    clearInterval(this.#sweeper)
    clearTimeout(this.#timer)
    if (this.model.canvas === this) this.model.canvas = undefined
    this.#stage.destroy()
  }

  resize(pixels: number) {
    this.#scale = pixels / width
    this.#stage.size({ width: pixels, height: (pixels * height) / width })
    this.#stage.scale({ x: this.#scale, y: this.#scale })
  }

  show(page: string) {
    if (page === this.#page) return
    this.#dropStroke()
    this.#page = page
    this.changed(page, 'all')
  }

  use(tool: Tool, style: Style) {
    this.#tool = tool
    this.#style = style
    if (tool !== 'select') this.select([])
    const drawn = this.host.mayDraw()
    for (const node of this.#nodes.values()) node.draggable(drawn && tool === 'select')
    this.container.style.cursor = !drawn ? 'default' : tool === 'select' ? 'default' : tool === 'text' ? 'text' : 'crosshair'
    this.container.style.touchAction = drawn ? 'none' : 'auto'
    this.#stage.content.style.touchAction = drawn ? 'none' : 'auto'
  }

  // --- what is to be seen

  changed(page: string, ids: string[] | 'all') {
    if (page !== this.#page) return
    if (ids === 'all') {
      this.#paper.destroyChildren()
      this.#nodes.clear()
      this.#sweep()
      for (const element of this.model.elements(page)) this.#place(element)
    } else {
      for (const id of ids) {
        this.#nodes.get(id)?.destroy()
        this.#nodes.delete(id)
        this.#traces.get(id)?.destroy()
        this.#traces.delete(id)
        const element = this.model.element(page, id)
        if (element) this.#place(element)
      }
      this.#order()
    }
    this.select(this.selection())
  }

  #place(element: Element & Look) {
    const node = nodeOf(element.id, element)
    node.setAttr('z', element.z ?? 0)
    node.draggable(this.#tool === 'select' && this.host.mayDraw())
    this.#paper.add(node)
    this.#nodes.set(element.id, node)
  }

  /** Puts everything in its order; mostly what is new is on top and all is well. */
  #order() {
    const children = this.#paper.getChildren()
    const below = (a: Shape, b: Shape) => a.getAttr('z') - b.getAttr('z') || (a.id() < b.id() ? -1 : 1)
    if (children.every((child, i) => i === 0 || below(children[i - 1] as Shape, child as Shape) < 0)) return
    for (const child of [...children].sort((a, b) => below(a as Shape, b as Shape))) child.moveToTop()
  }

  traced(trace: Traced) {
    if (trace.page !== this.#page) return
    const before = this.#traces.get(trace.id)
    if (before) {
      before.points(trace.points)
      return
    }
    const node = nodeOf(trace.id, trace) as Line
    node.listening(false)
    this.#traces.set(trace.id, node)
    this.#hand.add(node)
  }

  #sweep() {
    for (const node of this.#traces.values()) node.destroy()
    this.#traces.clear()
    for (const trace of this.model.traces(this.#page, performance.now())) this.traced(trace)
  }

  /** The page as a picture, at twice the size of its units. */
  async picture(): Promise<Blob> {
    const white = new Rect({ width, height, fill: '#ffffff' })
    this.#paper.add(white)
    white.moveToBottom()
    try {
      const canvas = this.#paper.toCanvas({ x: 0, y: 0, width: width * this.#scale, height: height * this.#scale, pixelRatio: 2 / this.#scale })
      return await new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the canvas gives no picture')))))
    } finally {
      white.destroy()
    }
  }

  // --- what is chosen

  selection(): string[] {
    return this.#frame.nodes().map((node) => node.id())
  }

  select(ids: string[]) {
    const nodes = ids.map((id) => this.#nodes.get(id)).filter((node) => node !== undefined)
    this.#frame.nodes(nodes)
    this.#frame.resizeEnabled(nodes.every((node) => node.getClassName() !== 'Text') || nodes.length === 1)
    this.#frame.enabledAnchors(['top-left', 'top-right', 'bottom-left', 'bottom-right'])
    this.host.selected(nodes.length)
  }

  selectAll() {
    this.select([...this.#nodes.keys()])
  }

  /** Chooses the element after or before the chosen one. */
  selectNext(step: 1 | -1) {
    const ids = this.model.elements(this.#page).map((element) => element.id)
    if (ids.length === 0) return
    const at = ids.indexOf(this.selection()[0] ?? '')
    this.select([ids[at < 0 ? (step > 0 ? 0 : ids.length - 1) : (at + step + ids.length) % ids.length]!])
  }

  removeSelected() {
    this.model.put(this.#page, Object.fromEntries(this.selection().map((id) => [id, undefined])))
  }

  nudge(dx: number, dy: number) {
    const looks: Record<string, Look> = {}
    for (const id of this.selection()) {
      const look = this.#look(id)
      if (look) looks[id] = placed(look, (look.x ?? 0) + dx, (look.y ?? 0) + dy)
    }
    this.model.put(this.#page, looks)
  }

  rewriteSelected() {
    this.#rewrite(this.selection()[0] ?? '')
  }

  #rewrite(id: string) {
    const look = this.#look(id)
    if (look?.kind === 'text' && this.host.mayDraw()) this.host.write({ x: look.x ?? 0, y: look.y ?? 0 }, { id, look })
  }

  #look(id: string): Look | undefined {
    const element = this.model.element(this.#page, id)
    if (!element) return undefined
    const { id: _id, v: _v, by: _by, gone: _gone, ...look } = element
    return look
  }

  /** Moving several elements ends in an event for each of them: they are one step. */
  #gather(node: Shape) {
    const look = this.#look(node.id())
    if (!look) return
    if (this.#moved.size === 0) queueMicrotask(() => this.#drop())
    this.#moved.set(node.id(), scaled(look, node))
  }

  #drop() {
    const looks = Object.fromEntries(this.#moved)
    this.#moved.clear()
    this.model.put(this.#page, looks)
  }

  // --- the hand

  #at(event: PointerEvent): [number, number] {
    const box = this.container.getBoundingClientRect()
    return [clamp((event.clientX - box.left) / this.#scale, width), clamp((event.clientY - box.top) / this.#scale, height)]
  }

  #down = (event: PointerEvent) => {
    if (!this.host.mayDraw() || !event.isPrimary || event.button !== 0) return
    const [x, y] = this.#at(event)
    if (this.#tool === 'select') {
      const hit = this.#hit(x, y)
      if (hit === 'frame') return
      if (hit) {
        const chosen = this.selection()
        if (event.shiftKey) this.select(chosen.includes(hit) ? chosen.filter((id) => id !== hit) : [...chosen, hit])
        else if (!chosen.includes(hit)) this.select([hit])
        return
      }
      this.select([])
    }
    this.#stage.content.setPointerCapture(event.pointerId)
    this.#stroke = {
      pointer: event.pointerId, tool: this.#tool, style: this.#style, id: newId(), points: [x, y], told: 0, node: undefined, erased: new Set(),
    }
    this.#follow(this.#stroke)
  }

  #move = (event: PointerEvent) => {
    const stroke = this.#stroke
    if (!stroke || event.pointerId !== stroke.pointer) return
    const moves = event.getCoalescedEvents?.() ?? []
    for (const move of moves.length > 0 ? moves : [event]) {
      const [x, y] = this.#at(move)
      const [lastX, lastY] = stroke.points.slice(-2) as [number, number]
      if (Math.hypot(x - lastX, y - lastY) >= 1.5) stroke.points.push(x, y)
    }
    this.#follow(stroke)
  }

  #up = (event: PointerEvent) => {
    const stroke = this.#stroke
    if (!stroke || event.pointerId !== stroke.pointer) return
    this.#dropStroke()
    this.#finish(stroke)
  }

  #cancel = (event: PointerEvent) => {
    if (this.#stroke?.pointer === event.pointerId) this.#dropStroke()
  }

  #dropStroke() {
    clearTimeout(this.#timer)
    this.#timer = 0
    this.#stroke?.node?.destroy()
    this.#stroke = undefined
    this.#marquee.visible(false)
  }

  /** What is at a place: an element's id, the frame around what is chosen, or nothing. */
  #hit(x: number, y: number): string {
    const place = { x: x * this.#scale, y: y * this.#scale }
    if (this.#hand.getIntersection(place)) return 'frame'
    return this.#paper.getIntersection(place)?.id() ?? ''
  }

  /** Shows what is being drawn. */
  #follow(stroke: Stroke) {
    const { tool, points } = stroke
    switch (tool) {
      case 'text':
        return
      case 'select': {
        this.#marquee.setAttrs({ visible: true, ...boxOf(points) })
        return
      }
      case 'eraser': {
        for (let i = 0; i < points.length; i += 2) {
          const id = this.#hit(points[i]!, points[i + 1]!)
          if (id && id !== 'frame' && !stroke.erased.has(id)) {
            stroke.erased.add(id)
            this.#nodes.get(id)?.opacity(0.25)
          }
        }
        stroke.points = points.slice(-2)
        return
      }
      default: {
        stroke.node?.destroy()
        const look = lookOfStroke(stroke)
        stroke.node = nodeOf('', look)
        stroke.node.listening(false)
        this.#hand.add(stroke.node)
        if (tool === 'pen' || tool === 'marker') this.#timer ||= window.setTimeout(() => this.#tell(stroke), traceEvery)
      }
    }
  }

  /** Lets the others see the line grow. */
  #tell(stroke: Stroke) {
    this.#timer = 0
    const points = simplify(stroke.points.slice(Math.max(0, stroke.told - 2)), 1).slice(0, 600)
    stroke.told = stroke.points.length
    const { id, tool, style } = stroke
    this.host.trace({ page: this.#page, id, kind: tool as Trace['kind'], color: style.color, size: sizeOf(tool, style.size), points })
  }

  #finish(stroke: Stroke) {
    const { tool, points, id } = stroke
    const page = this.#page
    switch (tool) {
      case 'select': {
        const box = boxOf(points)
        const within = [...this.#nodes.values()].filter((node) => {
          const of = node.getClientRect({ relativeTo: this.#paper })
          return of.x >= box.x && of.y >= box.y && of.x + of.width <= box.x + box.width && of.y + of.height <= box.y + box.height
        })
        this.select(within.map((node) => node.id()))
        return
      }
      case 'eraser':
        this.model.put(page, Object.fromEntries([...stroke.erased].map((erased) => [erased, undefined])))
        return
      case 'text':
        this.host.write({ x: Math.round(points[0]!), y: Math.round(points[1]!) })
        return
      case 'pen':
      case 'marker': {
        const look = lookOfStroke(stroke)
        const looks: Record<string, Look> = {}
        const z = this.model.top(page)
        pieces(simplify(points, 0.8)).forEach((piece, i) => (looks[i === 0 ? id : `${id}-${i}`.slice(-24)] = { ...look, z, points: piece }))
        this.model.put(page, looks)
        return
      }
      default:
        this.model.put(page, { [id]: { ...lookOfStroke(stroke), z: this.model.top(page) } })
    }
  }

  /** Puts a shape into the middle of the page, for those who draw without a pointer. */
  putInTheMiddle(tool: Tool, style: Style) {
    const [x, y] = [width / 2, height / 2]
    if (tool === 'text') {
      this.host.write({ x: x - 160, y: y - 30 })
      return
    }
    if (tool === 'select' || tool === 'eraser') return
    const id = newId()
    const look = lookOfStroke({ tool, style, points: [x - 120, y - 70, x + 120, y + 70] })
    this.model.put(this.#page, { [id]: { ...look, z: this.model.top(this.#page) } })
    this.select([id])
  }
}

function clamp(value: number, most: number): number {
  return Math.max(0, Math.min(most, value))
}

function boxOf(points: number[]) {
  const [x1 = 0, y1 = 0] = points
  const [x2 = 0, y2 = 0] = points.slice(-2)
  return { x: Math.min(x1, x2), y: Math.min(y1, y2), width: Math.abs(x2 - x1), height: Math.abs(y2 - y1) }
}

/** What a tool makes of where the pointer went. */
function lookOfStroke({ tool, style, points }: Pick<Stroke, 'tool' | 'style' | 'points'>): Look {
  const common = { color: style.color, size: sizeOf(tool, style.size) }
  let box = boxOf(points)
  // A click is meant as a thing of a fair size.
  if (Math.max(box.width, box.height) < smallest) box = { ...box, width: 240, height: 140 }
  switch (tool) {
    case 'rect':
    case 'ellipse':
      return {
        kind: tool, ...common, x: Math.round(box.x), y: Math.round(box.y), w: Math.max(1, Math.round(box.width)), h: Math.max(1, Math.round(box.height)),
        ...(style.fill ? { fill: true } : {}),
      }
    case 'line':
    case 'arrow': {
      const [x = 0, y = 0] = points
      const [toX = 0, toY = 0] = points.slice(-2)
      const far = Math.hypot(toX - x, toY - y) >= smallest
      return { kind: tool, ...common, x: Math.round(x), y: Math.round(y), points: far ? [0, 0, Math.round(toX - x), Math.round(toY - y)] : [0, 0, 240, 0] }
    }
    default:
      return { kind: tool === 'marker' ? 'marker' : 'pen', ...common, points }
  }
}

/** A look that fits somewhere else, no farther away than a board allows. */
function placed(look: Look, x: number, y: number): Look {
  return { ...look, x: Math.round(Math.max(-width, Math.min(2 * width, x))), y: Math.round(Math.max(-height, Math.min(2 * height, y))) }
}

/** A look as somebody moved and stretched it on the canvas. */
function scaled(look: Look, node: Shape): Look {
  const [sx, sy] = [node.scaleX(), node.scaleY()]
  const to = placed(look, node.x(), node.y())
  if (sx === 1 && sy === 1) return to
  if (look.w) to.w = Math.min(2 * width, Math.max(1, Math.round(look.w * sx)))
  if (look.h) to.h = Math.min(2 * height, Math.max(1, Math.round(look.h * sy)))
  if (look.points) to.points = look.points.map((value, i) => Math.round(value * (i % 2 ? sy : sx)))
  if (look.kind === 'text') to.size = Math.round(Math.min(200, Math.max(8, look.size * Math.max(sx, sy))))
  return to
}

