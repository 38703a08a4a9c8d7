// People who join with LiveKit's native SDK, whose core (Rust and libwebrtc) the SDKs of phones share.
import { token } from './token.mjs'

/** The SDK; undefined where it has no build for the machine. */
export const sdk = await import('@livekit/rtc-node').catch(() => undefined)

const rate = 48_000

/** Counts the frames of tracks as they come, and notes what is in them. */
class Reception {
  constructor() {
    this.frames = 0 // pictures since they were asked for last
    this.sizes = new Set()
    this.brightness = new Set() // of pictures, in steps of 16
    this.peak = 0 // of the sound
    this.sounds = 0 // frames of sound that were not silent
  }

  forget() {
    Object.assign(this, new Reception())
  }

  async watch(track) {
    for await (const { frame } of new sdk.VideoStream(track)) {
      this.frames++
      this.sizes.add(`${frame.width}x${frame.height}`)
      this.brightness.add(frame.data[(frame.width * frame.height) / 2 + frame.width / 2] >> 4)
    }
  }

  async listen(track) {
    for await (const frame of new sdk.AudioStream(track)) {
      const peak = frame.data.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)
      this.peak = Math.max(this.peak, peak)
      if (peak > 1000) this.sounds++
    }
  }
}

/** Somebody in a room. */
export class Native {
  /** @param {{url: string, keys: object, room: string, identity: string, onePeer: boolean, options?: object, grant?: object}} who */
  static async join({ url, keys, room, identity, onePeer, options = {}, grant }) {
    const self = new Native()
    self.room = new sdk.Room()
    self.events = []
    self.received = new Reception()
    for (const event of Object.values(sdk.RoomEvent)) self.room.on(event, (...args) => self.events.push({ event, args }))
    self.room.on('trackSubscribed', (track) => {
      if (track.kind === sdk.TrackKind.KIND_VIDEO) self.received.watch(track)
      else self.received.listen(track)
    })
    self.stops = []
    await self.room.connect(url.replace(/^http/, 'ws'), token({ keys, room, identity, grant }), {
      autoSubscribe: true, dynacast: true, adaptiveStream: true, singlePeerConnection: onePeer, ...options,
    })
    return self
  }

  get me() {
    return this.room.localParticipant
  }

  /** How often something happened. */
  count(event) {
    return this.events.filter((e) => e.event === event).length
  }

  /** Publishes a picture whose brightness goes up and down. */
  async publishPicture({ width = 320, height = 180, ...options } = {}) {
    const source = new sdk.VideoSource(width, height)
    let n = 0
    const timer = setInterval(() => {
      const data = new Uint8Array((width * height * 3) / 2).fill(128)
      data.fill(20 + ((n++ * 4) % 200), 0, width * height)
      source.captureFrame(new sdk.VideoFrame(data, width, height, sdk.VideoBufferType.I420))
    }, 40)
    this.stops.push(() => clearInterval(timer))
    const track = sdk.LocalVideoTrack.createVideoTrack('picture', source)
    return this.me.publishTrack(track, new sdk.TrackPublishOptions({ source: sdk.TrackSource.SOURCE_CAMERA, ...options }))
  }

  /** Publishes a tone. */
  async publishTone(options = {}) {
    const source = new sdk.AudioSource(rate, 1)
    let on = true
    let n = 0
    const speak = async () => {
      while (on) {
        const samples = new Int16Array(rate / 100)
        for (let i = 0; i < samples.length; i++) samples[i] = 10_000 * Math.sin((n++ * 2 * Math.PI * 440) / rate)
        await source.captureFrame(new sdk.AudioFrame(samples, rate, 1, samples.length))
      }
    }
    speak()
    this.stops.push(() => (on = false))
    const track = sdk.LocalAudioTrack.createAudioTrack('tone', source)
    return this.me.publishTrack(track, new sdk.TrackPublishOptions({ source: sdk.TrackSource.SOURCE_MICROPHONE, ...options }))
  }

  /** Publishes a microphone; what it returns says whether somebody `speaks` into it. */
  async publishVoice() {
    const source = new sdk.AudioSource(rate, 1)
    const voice = { speaks: false }
    let on = true
    let n = 0
    const speak = async () => {
      while (on) {
        const samples = new Int16Array(rate / 100)
        const syllable = 0.1 + 0.9 * Math.abs(Math.sin((n * Math.PI * 3.1) / rate)) // as speech has, and no hum
        const peak = voice.speaks ? 20_000 * syllable : 10
        for (let i = 0; i < samples.length; i++) samples[i] = peak * Math.sin((n++ * 2 * Math.PI * 220) / rate)
        await source.captureFrame(new sdk.AudioFrame(samples, rate, 1, samples.length))
      }
    }
    speak()
    this.stops.push(() => (on = false))
    const track = sdk.LocalAudioTrack.createAudioTrack('voice', source)
    await this.me.publishTrack(track, new sdk.TrackPublishOptions({ source: sdk.TrackSource.SOURCE_MICROPHONE, dtx: false, red: true }))
    return voice
  }

  /** What has come of each stream of sound until now, by its SSRC. */
  async soundReceived() {
    const { publisherStats, subscriberStats } = await this.room.getRtcStats()
    const streams = {}
    for (const s of [...publisherStats, ...subscriberStats]) {
      const { stream, received, inbound } = s.stats?.value ?? s.inboundRtp ?? {}
      if (stream?.kind !== 'audio' || !inbound) continue
      streams[stream.ssrc] = {
        packets: Number(received.packetsReceived), lost: Number(received.packetsLost), bytes: Number(inbound.bytesReceived),
        redundant: Number(inbound.packetsDiscarded),
      }
    }
    return streams
  }

  async leave() {
    for (const stop of this.stops) stop()
    await this.room.disconnect()
  }
}
