// Made-up cameras and microphones that can be told apart.

/**
 * Cameras and microphones of one colour and one tone each: [{label, colour, tone, facing}]. With `facing` they are those of a phone, which looks one way
 * at a time: what is in use must be given up first. Give it to `addInitScript`.
 */
export function pluggedIn(devices) {
  const kinds = ['videoinput', 'audioinput']
  let looking
  const idOf = (index, kind) => `${kind}-${index}`
  navigator.mediaDevices.enumerateDevices = async () =>
    devices.flatMap(({ label }, i) => kinds.map((kind) => ({ kind, label, deviceId: idOf(i, kind), groupId: `${i}` })))

  function picture({ colour }) {
    const canvas = document.createElement('canvas')
    canvas.width = 640
    canvas.height = 360
    const c = canvas.getContext('2d')
    const draw = () => {
      c.fillStyle = `rgb(${colour})`
      c.fillRect(0, 0, 640, 360)
      c.fillStyle = '#fff'
      c.fillRect((Date.now() / 5) % 640, 10, 20, 30)
    }
    setInterval(draw, 33)
    draw()
    return canvas.captureStream(30).getVideoTracks()[0]
  }
  function sound({ tone }) {
    const context = new AudioContext()
    const out = context.createMediaStreamDestination()
    const oscillator = new OscillatorNode(context, { frequency: tone })
    oscillator.connect(new GainNode(context, { gain: 0.3 })).connect(out)
    oscillator.start()
    return out.stream.getAudioTracks()[0]
  }
  function open(wish, kind, make) {
    const wanted = wish.deviceId?.exact ?? wish.deviceId?.ideal ?? wish.deviceId
    const side = wish.facingMode?.exact ?? wish.facingMode?.ideal ?? wish.facingMode
    const named = devices.findIndex((_, i) => idOf(i, kind) === wanted)
    const index = Math.max(0, named < 0 ? devices.findIndex(({ facing }) => facing && facing === side) : named)
    const { facing } = devices[index]
    if (facing && kind === 'videoinput' && looking?.readyState === 'live') throw new DOMException('in use', 'NotReadableError')
    const track = make(devices[index])
    if (kind === 'videoinput') looking = track
    const settings = track.getSettings.bind(track)
    track.getSettings = () => ({ ...settings(), deviceId: idOf(index, kind), ...(kind === 'videoinput' && facing && { facingMode: facing }) })
    return track
  }
  navigator.mediaDevices.getUserMedia = async ({ video, audio }) =>
    new MediaStream([...(video ? [open(video, kinds[0], picture)] : []), ...(audio ? [open(audio, kinds[1], sound)] : [])])
}
