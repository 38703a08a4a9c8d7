// An app that does what apps do with livekit-client. The test says which version of it, and holds the strings.
/* global LivekitClient */

/** Loads a version of the library. */
window.load = (library) =>
  new Promise((resolve, reject) => {
    const script = document.createElement('script')
    script.onload = resolve
    script.onerror = reject
    script.src = `/node_modules/${library}/dist/livekit-client.umd.js`
    document.body.append(script)
  })

const pictures = [] // video elements, one for each subscribed picture
const sounds = [] // analysers, one for each subscribed sound
const ears = new AudioContext()

function take(track) {
  if (track.kind === 'video') {
    const element = track.attach()
    element.muted = true
    element.frames = 0
    const count = () => {
      element.frames++
      element.requestVideoFrameCallback(count)
    }
    element.requestVideoFrameCallback(count)
    document.body.append(element)
    pictures.push(element)
  } else {
    document.body.append(track.attach()) // Chromium decodes only what an element plays
    const analyser = ears.createAnalyser()
    ears.createMediaStreamSource(new MediaStream([track.mediaStreamTrack])).connect(analyser)
    sounds.push(analyser)
  }
}

/** Joins. `key` encrypts end to end. */
window.join = async ({ url, token, key, library, options = {} }) => {
  const e2ee = {}
  if (key) {
    const keyProvider = new LivekitClient.ExternalE2EEKeyProvider()
    await keyProvider.setKey(key)
    const settings = { keyProvider, worker: new Worker(`/node_modules/${library}/dist/livekit-client.e2ee.worker.js`) }
    e2ee.encryption = settings
    e2ee.e2ee = settings
  }
  const room = new LivekitClient.Room({ adaptiveStream: true, dynacast: true, ...e2ee, ...options })
  window.room = room
  window.happened = []
  window.received = []
  for (const event of Object.values(LivekitClient.RoomEvent)) room.on(event, () => window.happened.push(event))
  room.on('trackSubscribed', take)
  room.on('dataReceived', (payload, participant, _kind, topic) =>
    window.received.push({ text: new TextDecoder().decode(payload), from: participant?.identity, topic }))
  room.registerTextStreamHandler?.('talk', async (reader, from) =>
    window.received.push({ size: (await reader.readAll()).length, from: from.identity, topic: 'talk' }))
  room.registerRpcMethod?.('greet', async ({ callerIdentity, payload }) => `hello ${callerIdentity}, ${payload.length}`)
  if (key) await room.setE2EEEnabled(true)
  await room.connect(url, token, { peerConnectionTimeout: 30_000, websocketTimeout: 30_000 }) // a busy machine takes its time
}

/** Publishes camera and microphone as the browser makes them up, in a small picture of one layer where no other `height` is asked for. */
window.publish = async ({ video = {}, audio = {}, height = 180 } = {}) => {
  if (video) await room.localParticipant.setCameraEnabled(true, { resolution: { width: (height * 16) / 9, height, frameRate: 15 } }, video)
  if (audio) await room.localParticipant.setMicrophoneEnabled(true, undefined, audio)
}

/** Sends a reliable message. */
window.say = (text, topic) => {
  const data = new TextEncoder().encode(text)
  const me = room.localParticipant
  return LivekitClient.version.startsWith('1.')
    ? me.publishData(data, LivekitClient.DataPacket_Kind.RELIABLE, { topic })
    : me.publishData(data, { reliable: true, topic })
}

/** How many frames came of all pictures, and whether a sound is heard now. */
window.perceive = () => {
  const loud = (analyser) => {
    const samples = new Float32Array(analyser.fftSize)
    analyser.getFloatTimeDomainData(samples)
    return samples.some((s) => Math.abs(s) > 0.01)
  }
  return { frames: pictures.reduce((sum, p) => sum + p.frames, 0), loud: sounds.some(loud) }
}

/** What goes out of the published picture, by layer: packets and keyframes until now, and what the browser does with it by itself. */
window.layersSent = async () => {
  const layers = {}
  for (const p of room.localParticipant.videoTrackPublications.values()) {
    for (const r of (await p.track.getRTCStatsReport()).values()) {
      if (r.type === 'outbound-rtp') layers[r.rid] = {
        packets: r.packetsSent, keyframes: r.keyFramesEncoded, active: r.active, width: r.frameWidth, fps: r.framesPerSecond, limited: r.qualityLimitationReason, target: r.targetBitrate,
      }
    }
  }
  return layers
}

/** The publication of the room's composed picture, and whether it and the cameras are subscribed. */
const program = () => [...room.remoteParticipants.values()].find((p) => p.attributes['tutti.role'] === 'program')
const cameras = () => [...room.remoteParticipants.values()].filter((p) => p !== program()).flatMap((p) => [...p.videoTrackPublications.values()])
const composed = () => program() && [...program().videoTrackPublications.values()][0]
window.subscribed = () => ({ program: composed()?.isSubscribed, cameras: cameras().map((t) => t.isSubscribed) })

/** Takes the composed picture in place of all cameras, as a weak device would. */
window.takeProgram = () => {
  for (const t of cameras()) t.setSubscribed(false)
  composed().setSubscribed(true)
}

/** Asks for the smallest that there is of the composed picture. */
window.takeSmallProgram = () => composed().setVideoQuality(LivekitClient.VideoQuality.LOW)
window.programWidth = () => composed()?.videoTrack?.attachedElements[0]?.videoWidth

/** Colours of places in the composed picture, which are given in shares of width and height. */
window.programColours = (places) => {
  const video = composed()?.videoTrack?.attachedElements[0]
  if (!video?.videoWidth) return undefined
  const canvas = document.createElement('canvas')
  canvas.width = video.videoWidth
  canvas.height = video.videoHeight
  const c = canvas.getContext('2d', { willReadFrequently: true })
  c.drawImage(video, 0, 0)
  return places.map(([x, y]) => [...c.getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data.slice(0, 3)])
}

/** The publication of the picture that somebody else publishes. */
window.picture = () => [...room.remoteParticipants.values()].flatMap((p) => [...p.videoTrackPublications.values()])[0]

window.remotes = () => {
  const map = room.remoteParticipants ?? room.participants // the name in version 1
  return [...map.values()].map((p) => p.identity)
}

/** Codecs and transports of what is received. */
window.means = async () => {
  const manager = room.engine.pcManager
  const transports = manager
    ? [manager.publisher, manager.subscriber]
    : [room.engine.publisher, room.engine.subscriber] // version 1
  const found = { codecs: new Set(), decoded: 0 }
  for (const transport of transports) {
    const peer = transport?._pc ?? transport?.pc
    if (!peer) continue
    const report = await peer.getStats()
    for (const r of report.values()) {
      if (r.type !== 'inbound-rtp' || r.kind !== 'video') continue
      if (r.codecId) found.codecs.add(report.get(r.codecId).mimeType)
      found.decoded += r.framesDecoded ?? 0
    }
  }
  return { codecs: [...found.codecs], decoded: found.decoded }
}
