import { recall, remember } from '../remember'
import { idOf } from './ask'
import {
  cameraConstraints, microphoneConstraints, problemBefore, problemOf, surroundings, type DeviceProblem,
} from './devices'
import { watchLevel } from './level'

/** "off" is a choice like a device; "" is whatever the browser takes. */
export const off = 'off'

/**
 * The camera and microphone before joining: own picture, level, list of devices, and what is wrong. From `start` on it follows devices
 * that come and go. It owns the tracks until `handOver` gives them away; `stop` ends what it still owns.
 */
export class Preview {
  video = $state.raw<MediaStreamTrack>()
  audio = $state.raw<MediaStreamTrack>()
  starting = $state(true)
  level = $state(0)
  videoProblem = $state<DeviceProblem>()
  audioProblem = $state<DeviceProblem>()
  cameras = $state.raw<MediaDeviceInfo[]>([])
  microphones = $state.raw<MediaDeviceInfo[]>([])
  speakers = $state.raw<MediaDeviceInfo[]>([])
  camera = $state(recall('camera'))
  microphone = $state(recall('microphone'))
  speaker = $state(recall('speaker'))

  #stopLevel = () => {}
  #generation = 0

  /** What keeps every device away, as opposed to one of them. */
  get blocked(): DeviceProblem | undefined {
    if (this.videoProblem && this.videoProblem === this.audioProblem) return this.videoProblem
    return undefined
  }

  async start() {
    const generation = ++this.#generation
    this.starting = true
    this.#end()
    navigator.mediaDevices?.addEventListener('devicechange', this.#relist)
    const before = problemBefore(surroundings())
    if (before) {
      this.videoProblem = this.audioProblem = before
      this.starting = false
      return
    }
    this.videoProblem = this.audioProblem = undefined
    const wantVideo = this.camera !== off
    const wantAudio = this.microphone !== off
    // One question for both, so that the browser asks once; when that fails, one by one, so that one can do without the other.
    const both = wantVideo && wantAudio ? await this.#get(true, true) : undefined
    let tracks = both?.tracks ?? []
    if (!both || both.problem) {
      const video = wantVideo ? await this.#get(true, false) : undefined
      const audio = wantAudio ? await this.#get(false, true) : undefined
      if (generation === this.#generation) {
        this.videoProblem = video?.problem
        this.audioProblem = audio?.problem
      }
      tracks = [...(video?.tracks ?? []), ...(audio?.tracks ?? [])]
    }
    if (generation !== this.#generation) {
      for (const track of tracks) track.stop()
      return
    }
    for (const track of tracks) this.#take(track)
    await this.list()
    this.starting = false
  }

  async #get(video: boolean, audio: boolean): Promise<{ tracks: MediaStreamTrack[]; problem?: DeviceProblem }> {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        video: video && cameraConstraints(this.camera),
        audio: audio && microphoneConstraints(this.microphone),
      })
      return { tracks: stream.getTracks() }
    } catch (error) {
      return { tracks: [], problem: problemOf(error) }
    }
  }

  #take(track: MediaStreamTrack) {
    track.addEventListener('ended', () => {
      if (track === this.video || track === this.audio) void this.start()
    })
    if (track.kind === 'video') {
      this.video = track
    } else {
      this.audio = track
      try {
        this.#stopLevel = watchLevel(new MediaStream([track]), (level) => (this.level = level))
      } catch {
        // Nobody sees how loud it is; it is heard all the same.
      }
    }
  }

  async list() {
    try {
      const devices = await navigator.mediaDevices.enumerateDevices()
      const of = (kind: MediaDeviceKind) => devices.filter((d) => d.kind === kind && d.deviceId !== '')
      this.cameras = of('videoinput')
      this.microphones = of('audioinput')
      this.speakers = of('audiooutput')
    } catch {
      // The lists stay as they are; the devices themselves work or not on their own.
    }
  }

  /** Begins anew where what is plugged in now makes a difference: what was in use is gone, or what was missing or chosen is there. */
  #relist = async () => {
    if (this.starting) return
    const ids = () => new Set([...this.cameras, ...this.microphones].map(({ deviceId }) => deviceId))
    const [had, generation] = [ids(), this.#generation]
    await this.list()
    if (generation !== this.#generation) return
    const has = ids()
    // Some browsers do not end the track of a device that was pulled out.
    const went = [this.video, this.audio].some((track) => had.has(idOf(track)) && !has.has(idOf(track)))
    const came = [this.camera, this.microphone].some((id) => !had.has(id) && has.has(id))
    if (went || came || this.videoProblem === 'missing' || this.audioProblem === 'missing') await this.start()
  }

  async choose(kind: 'camera' | 'microphone', deviceId: string) {
    this[kind] = deviceId
    remember(kind, deviceId)
    await this.start()
  }

  chooseSpeaker(deviceId: string) {
    this.speaker = deviceId
    remember('speaker', deviceId)
  }

  /** Gives the tracks away and stops; the caller ends them. */
  handOver(): { video?: MediaStreamTrack | undefined; audio?: MediaStreamTrack | undefined } {
    const tracks = { video: this.video, audio: this.audio }
    this.video = this.audio = undefined
    this.stop()
    return tracks
  }

  stop() {
    this.#generation++
    navigator.mediaDevices?.removeEventListener('devicechange', this.#relist)
    this.#end()
  }

  #end() {
    this.#stopLevel()
    this.#stopLevel = () => {}
    this.level = 0
    this.video?.stop()
    this.audio?.stop()
    this.video = this.audio = undefined
  }
}
