import { BoardModel } from '../board/model.svelte'
import type { BoardAction, BoardView } from '../board/view'
import { height, width, type Look } from '../board/wire'
import { language } from '../i18n/index.svelte'

interface Wish {
  empty?: boolean
  ready?: boolean
  mayDraw?: boolean
  mayLead?: boolean
}

/** A whiteboard of nobody but whoever looks at it. */
export class DrawnBoard implements BoardView {
  readonly ready: boolean
  readonly mayDraw: boolean
  readonly mayLead: boolean
  readonly model = new BoardModel(() => 'me', () => {})

  constructor({ empty = false, ready = true, mayDraw = true, mayLead = true }: Wish = {}) {
    this.ready = ready
    this.mayDraw = mayDraw
    this.mayLead = mayLead
    this.model.load({ on: true, pages: ['p1', 'p2', 'p3'], shown: 'p1', contents: [] })
    if (!empty && ready) this.model.take({ page: 'p1', put: Object.entries(lesson()).map(([id, look]) => ({ id, v: 1, by: 'host', ...look })) })
  }

  trace() {}

  async lead(action: BoardAction, page = '') {
    const { on, pages } = this.model.state
    if (action === 'show') this.model.takeState({ on, pages, shown: page })
    else if (action === 'add') this.model.takeState({ on, pages: [...pages, `p${pages.length + 1}`], shown: `p${pages.length + 1}` })
  }
}

/** A drawing with everything in it. */
function lesson(): Record<string, Look> {
  const zh = language() === 'zh'
  const curve = Array.from({ length: 61 }, (_, i) => [Math.round(i * 11), Math.round(-(i - 30) * (i - 30) * 0.42 + 380)]).flat().map((v, i) => (i % 2 ? 400 - v : v))
  return {
    title: { kind: 'text', text: zh ? '二次函数 y = x² − 4' : 'The parabola y = x² − 4', x: 90, y: 60, color: 'black', size: 56, z: 1 },
    mark: { kind: 'marker', x: 90, y: 108, points: [0, 0, zh ? 520 : 640, 4], color: 'yellow', size: 44, z: 0 },
    x: { kind: 'arrow', x: 120, y: 640, points: [0, 0, 780, 0], color: 'grey', size: 4, z: 2 },
    y: { kind: 'arrow', x: 490, y: 820, points: [0, 0, 0, -600], color: 'grey', size: 4, z: 3 },
    curve: { kind: 'pen', x: 160, y: 320, points: curve, color: 'blue', size: 7, z: 4 },
    box: { kind: 'rect', x: 1020, y: 260, w: 440, h: 230, color: 'green', size: 5, fill: true, z: 5 },
    steps: { kind: 'text', text: zh ? '1. 令 y = 0\n2. x² = 4\n3. x = ±2' : '1. Let y = 0\n2. x² = 4\n3. x = ±2', x: 1060, y: 285, color: 'black', size: 44, z: 6 },
    left: { kind: 'ellipse', x: 282, y: 606, w: 68, h: 68, color: 'red', size: 5, z: 7 },
    right: { kind: 'ellipse', x: 630, y: 606, w: 68, h: 68, color: 'red', size: 5, z: 8 },
    point: { kind: 'line', x: 710, y: 600, points: [0, 0, Math.round(width / 5), -Math.round(height / 9)], color: 'purple', size: 4, z: 9 },
  }
}
