// Glass to glass: a camera that draws the time, and a reader of that time where the picture is shown. Both run in the page, on one
// machine, whose clock all browsers share.

/**
 * Replaces camera and microphone of a page by a picture of the time in ms (modulo 65536) as black and white blocks, and silence. Give
 * it to `page.addInitScript`.
 */
export function sendTime({ width = 640, height = 360, rate = 30 } = {}) {
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  const c = canvas.getContext('2d')
  const columns = 20
  const draw = () => {
    const now = Date.now() & 0xffff
    const bits = Array.from({ length: 16 }, (_, i) => (now >> (15 - i)) & 1)
    // White, black, the time, its parity, white.
    const all = [1, 0, ...bits, bits.reduce((a, b) => a ^ b), 1]
    c.fillStyle = '#505860'
    c.fillRect(0, 0, width, height)
    all.forEach((bit, i) => {
      c.fillStyle = bit ? '#fff' : '#000'
      c.fillRect((i * width) / columns, height * 0.4, width / columns + 1, height * 0.2)
    })
    // A few things that move, so that the encoder has something to do.
    for (let i = 0; i < 6; i++) {
      c.fillStyle = `hsl(${i * 60} 60% 50%)`
      c.fillRect((now / (4 + i)) % width, (i % 2 ? 0.1 : 0.7) * height + i * 6, width / 8, height / 10)
    }
  }
  let timer
  const picture = () => {
    clearInterval(timer)
    timer = setInterval(draw, 1000 / rate)
    draw()
    return canvas.captureStream(rate).getVideoTracks()[0]
  }
  const sound = () => new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0]
  navigator.mediaDevices.getUserMedia = async (wish) => new MediaStream([...(wish.video ? [picture()] : []), ...(wish.audio ? [sound()] : [])])
}

/** Reads the time out of `count` frames that a video element presents, and tells how old each was, in ms. Runs in the page. */
export function readTime(video, count) {
  const canvas = document.createElement('canvas')
  canvas.width = 20
  canvas.height = 1
  const c = canvas.getContext('2d', { willReadFrequently: true })
  const ages = []
  let unread = 0
  return new Promise((resolve) => {
    const read = () => {
      const now = Date.now()
      const { videoWidth: width, videoHeight: height } = video
      // The middle of each block becomes one pixel.
      c.imageSmoothingEnabled = false
      c.drawImage(video, 0, height * 0.5, width, 1, 0, 0, 20, 1)
      const { data } = c.getImageData(0, 0, 20, 1)
      const bits = Array.from({ length: 20 }, (_, i) => (data[i * 4 + 1] > 128 ? 1 : 0))
      const time = bits.slice(2, 18)
      const whole = bits[0] === 1 && bits[1] === 0 && bits[19] === 1 && time.reduce((a, b) => a ^ b) === bits[18]
      if (whole) ages.push((now - time.reduce((n, bit) => n * 2 + bit, 0)) & 0xffff)
      else unread++
      if (ages.length < count && unread < count) video.requestVideoFrameCallback(read)
      else resolve({ ages, unread, width, height })
    }
    video.requestVideoFrameCallback(read)
  })
}
