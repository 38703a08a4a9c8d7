import type { Picture } from '../room/view'

/** A made-up camera picture: a calm room with somebody in it, or a screen with a document. */
export class DrawnPicture implements Picture {
  #canvas = document.createElement('canvas')

  constructor(kind: 'person' | 'screen', hue: number, width = 1280, height = 720) {
    this.#canvas.width = width
    this.#canvas.height = height
    const c = this.#canvas.getContext('2d')!
    const wall = c.createLinearGradient(0, 0, width, height)
    wall.addColorStop(0, `hsl(${hue} 30% 62%)`)
    wall.addColorStop(1, `hsl(${hue + 30} 34% 34%)`)
    c.fillStyle = kind === 'screen' ? '#f6f7f9' : wall
    c.fillRect(0, 0, width, height)
    if (kind === 'screen') drawDocument(c, width)
    else drawPerson(c, width, height, hue)
  }

  get track(): MediaStreamTrack {
    return this.#canvas.captureStream(2).getVideoTracks()[0]!
  }

  attach(element: HTMLMediaElement) {
    element.srcObject = new MediaStream([this.track])
    element.muted = true
    void element.play().catch(() => {})
  }

  detach(element: HTMLMediaElement) {
    element.srcObject = null
  }
}

function drawPerson(c: CanvasRenderingContext2D, width: number, height: number, hue: number) {
  const unit = Math.min(width, height)
  const x = width / 2
  c.fillStyle = `hsl(${hue + 180} 30% 30%)`
  c.beginPath()
  c.ellipse(x, height + unit * 0.12, unit * 0.42, unit * 0.4, 0, 0, Math.PI * 2)
  c.fill()
  c.fillStyle = 'hsl(26 42% 66%)'
  c.beginPath()
  c.ellipse(x, height * 0.46, unit * 0.15, unit * 0.2, 0, 0, Math.PI * 2)
  c.fill()
  c.fillStyle = 'hsl(24 30% 18%)'
  c.beginPath()
  c.ellipse(x, height * 0.36, unit * 0.17, unit * 0.12, 0, Math.PI, Math.PI * 2)
  c.fill()
}

function drawDocument(c: CanvasRenderingContext2D, width: number) {
  c.fillStyle = '#4f46e5'
  c.fillRect(80, 70, 460, 40)
  c.fillStyle = '#c9cdd6'
  for (let y = 160; y < 640; y += 44) c.fillRect(80, y, width * (0.5 + 0.3 * Math.abs(Math.sin(y))), 16)
}
