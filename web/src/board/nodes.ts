import { Arrow } from 'konva/lib/shapes/Arrow'
import { Ellipse } from 'konva/lib/shapes/Ellipse'
import { Line } from 'konva/lib/shapes/Line'
import { Rect } from 'konva/lib/shapes/Rect'
import { Text } from 'konva/lib/shapes/Text'
import type { Shape } from 'konva/lib/Shape'
import { paint } from './tools'
import type { Look } from './wire'

const font = "system-ui, -apple-system, 'PingFang SC', 'HarmonyOS Sans SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Noto Sans SC', sans-serif"
/** Thin lines are easier to hit than to see. */
const easy = 24

/** Draws one element. */
export function nodeOf(id: string, look: Look): Shape {
  const color = paint[look.color]
  const { x = 0, y = 0, w = 0, h = 0, points = [], size } = look
  const stroke = { id, x, y, stroke: color, strokeWidth: size, hitStrokeWidth: Math.max(size, easy), lineCap: 'round', lineJoin: 'round' } as const
  switch (look.kind) {
    case 'pen':
    case 'marker':
      // A point alone is a dot.
      return new Line({
        ...stroke, points: points.length === 2 ? [...points, points[0]! + 0.1, points[1]!] : points, tension: 0.35,
        opacity: look.kind === 'marker' ? 0.38 : 1,
      })
    case 'line':
      return new Line({ ...stroke, points })
    case 'arrow':
      return new Arrow({ ...stroke, points, fill: color, pointerLength: 10 + 2 * size, pointerWidth: 10 + 2 * size })
    case 'rect':
      return new Rect({ ...stroke, width: w, height: h, cornerRadius: 4, ...filled(look, color) })
    case 'ellipse':
      return new Ellipse({ ...stroke, radiusX: w / 2, radiusY: h / 2, offsetX: -w / 2, offsetY: -h / 2, ...filled(look, color) })
    case 'text':
      return new Text({ id, x, y, text: look.text ?? '', fontSize: size, lineHeight: 1.25, fontFamily: font, fill: color })
  }
}

/** Shapes without a filling are hit by their line alone, so that one can draw in them. */
function filled(look: Look, color: string) {
  return look.fill ? { fill: color + '55' } : {}
}
