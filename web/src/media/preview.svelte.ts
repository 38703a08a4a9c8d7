import { recall, remember } from '../remember'
import { idOf } from './ask'
import {
  cameraConstraints, microphoneConstraints, problemBefore, problemOf, surroundings, type DeviceProblem,
} from './devices'
import { watchLevel } from './level'
import { Relapses } from './relapses'

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
  #started = Promise.resolve()
  /** All that is plugged in to see or hear with, also what the browser does not name before it is permitted. */
  #inputs = new Set<string>()
  /** Something came or went while it started. */
  #changed = false
  #relapses = new Relapses()

  /** What keeps every device away, as opposed to one of them. */
  get blocked(): DeviceProblem | undefined {
    if (this.videoProblem && this.videoProblem === this.audioProblem) return this.videoProblem
    return undefined
  }

  /** Opens the devices, anew where they were open. Done when they are, also if that was begun anew meanwhile. */
  start(): Promise<void> {
    this.#relapses.clear()
    return this.#anew()
  }

  #anew(): Promise<void> {
    return (this.#started = this.#open(++this.#generation))
  }

  async #open(generation: number): Promise<void> {
    this.starting = true
    this.#changed = false
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
      return this.#started
    }
    for (const track of tracks) this.#take(track)
    const had = this.#inputs
    await this.list()
    if (generation !== this.#generation) return this.#started
    this.starting = false
    for (const track of tracks) if (track.readyState === 'ended') void this.#gone(track)
    if (this.#changed && generation === this.#generation) this.#follow(had)
    if (generation !== this.#generation) return this.#started
  }

  async #get(video: boolean, audio: boolean): Promise<{ tracks: MediaStreamTrack[]; problem?: DeviceProblem }> {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        video: video && cameraConstraints(this.#wish('videoinput', this.camera)),
        audio: audio && microphoneConstraints(this.#wish('audioinput', this.microphone)),
      })
      return { tracks: stream.getTracks() }
    } catch (error) {
      return { tracks: [], problem: problemOf(error) }
    }
  }

  /** The device to ask for: the chosen one, but another where that, or what the browser takes by itself, ends each time. */
  #wish(kind: 'videoinput' | 'audioinput', chosen: string): string {
    if (chosen === '' ? !this.#relapses.any(kind) : !this.#relapses.has(kind + chosen)) return chosen
    return this.#another(kind) ?? chosen
  }

  /** A device of a kind that does not end each time. */
  #another(kind: 'videoinput' | 'audioinput'): string | undefined {
    return (kind === 'videoinput' ? this.cameras : this.microphones).find(({ deviceId }) => !this.#relapses.has(kind + deviceId))?.deviceId
  }

  #take(track: MediaStreamTrack) {
    track.addEventListener('ended', () => void this.#gone(track))
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

  /** A device ended by itself: another takes its place, or the same one once more, but not one that ends each time. */
  async #gone(track: MediaStreamTrack) {
    const current = () => track === this.video || track === this.audio
    if (!current()) return
    const kind = track === this.video ? 'videoinput' : 'audioinput'
    const own = kind + idOf(track)
    if (!this.#relapses.ended(own)) {
      void this.#anew()
      return
    }
    // It may be gone, or there may be another.
    await this.list()
    if (!current()) return
    if (this.#another(kind) !== undefined) {
      void this.#anew()
      return
    }
    const problem = idOf(track) === '' || this.#inputs.has(own) ? 'failed' : 'missing'
    if (track === this.video) {
      this.video = undefined
      this.videoProblem = problem
    } else {
      this.#unhear()
      this.audioProblem = problem
    }
  }

  async list() {
    try {
      const devices = await navigator.mediaDevices.enumerateDevices()
      this.#inputs = new Set(devices.filter(({ kind }) => kind !== 'audiooutput').map(({ kind, deviceId }) => kind + deviceId))
      const of = (kind: MediaDeviceKind) => devices.filter((d) => d.kind === kind && d.deviceId !== '')
      this.cameras = of('videoinput')
      this.microphones = of('audioinput')
      this.speakers = of('audiooutput')
    } catch {
      // The lists stay as they are; the devices themselves work or not on their own.
    }
  }

  #relist = async () => {
    this.#changed = true
    if (this.starting) return
    const [had, generation] = [this.#inputs, this.#generation]
    await this.list()
    if (generation === this.#generation) this.#follow(had)
  }

  /** Begins anew where what is plugged in now makes a difference: what was in use is gone, or what was missing or chosen is there. */
  #follow(had: Set<string>) {
    const has = this.#inputs
    const came = [...has].filter((device) => !had.has(device))
    for (const device of came) this.#relapses.forgive(device)
    const differs = (kind: MediaDeviceKind, track: MediaStreamTrack | undefined, wish: string, problem: DeviceProblem | undefined) => {
      const own = kind + idOf(track)
      // Some browsers do not end the track of a device that was pulled out.
      const went = track !== undefined && had.has(own) && !has.has(own)
      const chosen = wish !== '' && kind + wish !== own && came.includes(kind + wish)
      const lacks = problem === 'missing' || problem === 'failed'
      return went || chosen || (lacks && came.some((device) => device.startsWith(kind)))
    }
    if (differs('videoinput', this.video, this.camera, this.videoProblem) || differs('audioinput', this.audio, this.microphone, this.audioProblem)) void this.#anew()
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
    this.#started = Promise.resolve()
    this.starting = false
    navigator.mediaDevices?.removeEventListener('devicechange', this.#relist)
    this.#end()
  }

  #end() {
    this.#unhear()
    this.video?.stop()
    this.video = undefined
  }

  #unhear() {
    this.#stopLevel()
    this.#stopLevel = () => {}
    this.level = 0
    this.audio?.stop()
    this.audio = undefined
  }
}
