// What a made-up participant sends, and how others are checked to receive it: a coloured picture with a clock of black and
// white blocks, and a tone. Both functions run in the page.

/** Colours far enough apart to survive any codec. */
export const colours = { red: [200, 40, 40], green: [30, 160, 60], blue: [40, 60, 210], yellow: [210, 190, 30], violet: [150, 40, 160] }

/**
 * Replaces camera and microphone of a page by a clock on a colour and a tone. Give it to `page.addInitScript` with
 * {colour: [r, g, b], tone: Hz}, and a size and a rate of pictures. They are fewer than a camera's: tests share a machine with many. `window.signal.turn()` turns the picture by 90 degrees.
 */
export function sendSignal({ colour, tone, width = 640, height = 360, rate = 10 }) {
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  const c = canvas.getContext('2d')
  const draw = () => {
    const { width: w, height: h } = canvas
    c.fillStyle = `rgb(${colour})`
    c.fillRect(0, 0, w, h)
    // Ten blocks: white, black, then eight bits of tenths of a second.
    const bits = [1, 0, ...Array.from({ length: 8 }, (_, i) => (Math.floor(Date.now() / 100) >> (7 - i)) & 1)]
    bits.forEach((bit, i) => {
      c.fillStyle = bit ? '#ffffff' : '#000000'
      c.fillRect((i * w) / 10, h * 0.7, w / 10 + 1, h * 0.2)
    })
    // Something that moves everywhere keeps the encoder awake.
    c.fillStyle = 'rgba(255,255,255,0.5)'
    c.fillRect(((Date.now() / 5) % w) - 10, 10, 20, h * 0.1)
  }
  setInterval(draw, 1000 / rate)
  draw()
  const picture = () => canvas.captureStream(rate).getVideoTracks()[0]
  let context
  const sound = () => {
    context ??= new AudioContext({ sinkId: { type: 'none' } }) // nobody listens at a loudspeaker of the sender's
    const oscillator = new OscillatorNode(context, { frequency: tone })
    const gain = new GainNode(context, { gain: 0.3 })
    const out = context.createMediaStreamDestination()
    oscillator.connect(gain).connect(out)
    oscillator.start()
    return out.stream.getAudioTracks()[0]
  }
  window.signal = {
    picture,
    sound,
    turn() {
      ;[canvas.width, canvas.height] = [canvas.height, canvas.width]
      draw()
    },
  }
  navigator.mediaDevices.getUserMedia = async (wish) =>
    new MediaStream([...(wish.video ? [picture()] : []), ...(wish.audio ? [sound()] : [])])
}

/** Keeps a list of all peer connections and sockets of a page. Give it to `page.addInitScript`. */
export function collectConnections() {
  window.peers = []
  window.sockets = []
  const Peer = window.RTCPeerConnection
  window.RTCPeerConnection = class extends Peer {
    constructor(...args) {
      super(...args)
      window.peers.push(this)
    }
  }
  const Socket = window.WebSocket
  window.WebSocket = class extends Socket {
    constructor(...args) {
      super(...args)
      window.sockets.push(this)
    }
  }
}

/** Puts `window.look(video)`, `window.places(video, colours)`, `window.shares(video, colours)`, `window.listen(source, tones)`, `window.sendAs(codec)` and `window.reports(type)` into a page. */
export function receiveSignal() {
  const canvas = document.createElement('canvas')
  const c = canvas.getContext('2d', { willReadFrequently: true })

  /** Colour in the middle, clock in tenths of a second (modulo 256) or -1, and size of a video's picture. */
  window.look = (video) => {
    const { videoWidth: width, videoHeight: height } = video
    if (!width) return { width: 0, height: 0, colour: [0, 0, 0], clock: -1 }
    canvas.width = width
    canvas.height = height
    c.drawImage(video, 0, 0)
    const at = (x, y) => [...c.getImageData(Math.floor(x * width), Math.floor(y * height), 1, 1).data.slice(0, 3)]
    const bits = Array.from({ length: 10 }, (_, i) => (at((i + 0.5) / 10, 0.8)[1] > 128 ? 1 : 0))
    const marked = bits[0] === 1 && bits[1] === 0
    const clock = marked ? bits.slice(2).reduce((n, bit) => n * 2 + bit, 0) : -1
    return { width, height, colour: at(0.5, 0.5), clock }
  }

  /** How much of a video's picture colours fill, 0 to 1, and the middle of what they fill, from 0 at its left and top, give or take what codecs do to them. */
  window.places = (video, list, within = 60) => {
    const all = list.map(() => ({ share: 0, x: 0, y: 0 }))
    if (!video.videoWidth) return all
    const [w, h] = [48, 48]
    canvas.width = w
    canvas.height = h
    c.drawImage(video, 0, 0, w, h)
    const { data } = c.getImageData(0, 0, w, h)
    for (let i = 0; i < w * h; i++) {
      for (const [k, [r, g, b]] of list.entries()) {
        if (Math.abs(data[4 * i] - r) > within || Math.abs(data[4 * i + 1] - g) > within || Math.abs(data[4 * i + 2] - b) > within) continue
        all[k].share++
        all[k].x += ((i % w) + 0.5) / w
        all[k].y += (Math.floor(i / w) + 0.5) / h
      }
    }
    return all.map(({ share: n, x, y }) => (n > 0 ? { share: n / (w * h), x: x / n, y: y / n } : { share: 0, x: 0, y: 0 }))
  }
  window.shares = (video, list) => window.places(video, list).map(({ share }) => share)

  // What is listened to goes to no loudspeaker, and stands still between two looks.
  let context
  let listening = 0
  const analysers = new Map()
  function analyserOf(source) {
    const known = analysers.get(source)
    if (known && known.live()) return known.node
    context ??= new AudioContext({ sampleRate: 48000, sinkId: { type: 'none' } })
    const node = new AnalyserNode(context, { fftSize: 16384, smoothingTimeConstant: 0 })
    const stream = source.srcObject instanceof MediaStream ? source.srcObject : source.captureStream()
    const tracks = stream.getAudioTracks()
    if (tracks.length === 0) return undefined
    context.createMediaStreamSource(new MediaStream(tracks)).connect(node)
    analysers.set(source, { node, live: () => tracks.every((t) => t.readyState === 'live') })
    return node
  }

  /** Lets half a second of sound pass, however long a busy machine takes for that; but not for ever, where it makes none. */
  async function letPass() {
    listening++
    await context.resume()
    const [end, late] = [context.currentTime + 0.5, performance.now() + 10_000]
    while (context.currentTime < end && performance.now() < late) await new Promise((resolve) => setTimeout(resolve, 50))
    if (--listening === 0) void context.suspend()
  }

  /** How loud each tone is, in dB of full scale, over some 0.4 s; -160 where it does not stand out of the rest by 25 dB. */
  window.listen = async (source, tones) => {
    const node = analyserOf(source)
    if (!node) return tones.map(() => -160)
    await letPass()
    const spectrum = new Float32Array(node.frequencyBinCount)
    node.getFloatFrequencyData(spectrum)
    // Nothing at all comes of what an element played before it was loaded anew: the next look begins with what it plays then.
    if (!spectrum.some(Number.isFinite)) analysers.delete(source)
    const heard = [...spectrum].map((level) => (Number.isFinite(level) ? level : -160))
    const middle = heard.toSorted((a, b) => a - b)[heard.length >> 1]
    return tones.map((tone) => {
      const bin = Math.round((tone * node.fftSize) / context.sampleRate)
      const level = Math.max(...heard.slice(bin - 3, bin + 4))
      return level - middle > 25 ? level : -160
    })
  }

  /** Goes on sending the picture that was published first in another codec. */
  window.sendAs = async (codec) => {
    const sender = (window.peers ?? []).flatMap((peer) => peer.getSenders()).find((s) => s.track?.kind === 'video')
    const parameters = sender.getParameters()
    const found = parameters.codecs.find((c) => c.mimeType === codec)
    for (const encoding of parameters.encodings) encoding.codec = { ...found }
    await sender.setParameters(parameters)
  }

  /** All reports of a type, of all connections that are open. */
  window.reports = async (type) => {
    const list = []
    for (const peer of window.peers ?? []) {
      if (peer.connectionState === 'closed') continue
      for (const report of (await peer.getStats()).values()) if (report.type === type) list.push(report)
    }
    return list
  }
}
