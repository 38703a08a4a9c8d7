import { t } from '../i18n/index.svelte'
import { recall, remember } from '../remember'
import type { DeviceKind } from '../room/view'
import { toast } from '../ui/toasts.svelte'
import {
  cameraConstraints, microphoneConstraints, pictureConstraints, problemBefore, problemOf, screenConstraints, surroundings, voiceConstraints,
  type DeviceProblem, type Insistence,
} from './devices'
import { filters, type Filter } from './effects/filter'
import { startFiltering, type Filtering } from './effects/filtering'
import { heights, parseQuality, type SendQuality } from './quality'
import { chooseSpeaker } from './speaker'

export { filters, heights, type Filter, type SendQuality }

/**
 * What this person sends: microphone, camera (after its filter), screen and the screen's sound. It owns the tracks and
 * devices until `stop`; whoever sends the tracks follows `onchange`, which comes when a track was replaced, appeared or went,
 * and when the quality changed. What goes wrong it says in a toast, and in the problem of that device.
 */
export interface LocalMedia {
  readonly camera: MediaStreamTrack | undefined
  readonly microphone: MediaStreamTrack | undefined
  readonly screen: MediaStreamTrack | undefined
  readonly screenSound: MediaStreamTrack | undefined
  /** Whether the microphone is on: a muted one keeps its track, with `enabled` false. */
  readonly microphoneOn: boolean
  readonly cameraOn: boolean
  readonly busy: { microphone: boolean; camera: boolean; screen: boolean }
  /** Why a device that was asked for last did not come. */
  readonly microphoneProblem: DeviceProblem | undefined
  readonly cameraProblem: DeviceProblem | undefined
  readonly screenProblem: DeviceProblem | undefined
  readonly filter: Filter
  readonly noiseSuppression: boolean
  readonly quality: SendQuality
  readonly cameras: MediaDeviceInfo[]
  readonly microphones: MediaDeviceInfo[]
  readonly speakers: MediaDeviceInfo[]
  /** The camera's picture without a filter, to choose one by. */
  readonly unfiltered: MediaStreamTrack | undefined

  onchange: (() => void) | undefined

  setMicrophone(on: boolean): Promise<void>
  setCamera(on: boolean): Promise<void>
  setScreen(on: boolean): Promise<void>
  setFilter(filter: Filter): Promise<void>
  setNoiseSuppression(on: boolean): Promise<void>
  setQuality(quality: SendQuality): Promise<void>
  useDevice(kind: DeviceKind, deviceId: string): Promise<void>
  deviceInUse(kind: DeviceKind): string
  stop(): void
}

type Input = 'camera' | 'microphone'

/** A device that went while it was in use, and comes back into use when it is there again. */
interface Lost {
  deviceId: string
  label: string
  /** A muted microphone comes back muted. */
  on: boolean
}

/** The devices of this computer as LocalMedia. It takes over the tracks it is given. */
export class LocalDevices implements LocalMedia {
  camera = $state.raw<MediaStreamTrack>()
  microphone = $state.raw<MediaStreamTrack>()
  screen = $state.raw<MediaStreamTrack>()
  screenSound = $state.raw<MediaStreamTrack>()
  unfiltered = $state.raw<MediaStreamTrack>()
  microphoneOn = $state(false)
  busy = $state({ microphone: false, camera: false, screen: false })
  microphoneProblem = $state<DeviceProblem>()
  cameraProblem = $state<DeviceProblem>()
  screenProblem = $state<DeviceProblem>()
  filter = $state<Filter>('none')
  noiseSuppression = $state(recall('noise') !== 'off')
  quality = $state.raw<SendQuality>(parseQuality(recall('quality')))
  cameras = $state.raw<MediaDeviceInfo[]>([])
  microphones = $state.raw<MediaDeviceInfo[]>([])
  speakers = $state.raw<MediaDeviceInfo[]>([])
  onchange: (() => void) | undefined

  #speaker = $state(recall('speaker'))
  #filtering: Filtering | undefined
  #lost: Partial<Record<Input | 'speaker', Lost>> = {}
  /** What is done to each device, one after the other. */
  #turn: Record<keyof LocalDevices['busy'], Promise<void>> = {
    camera: Promise.resolve(), microphone: Promise.resolve(), screen: Promise.resolve(),
  }
  #waiting = { camera: 0, microphone: 0, screen: 0 }
  #stopped = false

  constructor(tracks: { video?: MediaStreamTrack | undefined; audio?: MediaStreamTrack | undefined } = {}) {
    if (tracks.audio) {
      this.#takeMicrophone(tracks.audio)
      const suppressed = tracks.audio.getSettings().noiseSuppression
      if (suppressed !== undefined && suppressed !== this.noiseSuppression) void this.setNoiseSuppression(this.noiseSuppression)
    }
    if (tracks.video) {
      this.#watch('camera', tracks.video)
      this.unfiltered = this.camera = tracks.video
      // The preview is of the usual size and sound, not of the chosen one.
      if (this.quality.height !== 720) void tracks.video.applyConstraints(pictureConstraints(this.quality.height)).catch(() => {})
    }
    if (this.#speaker) void chooseSpeaker(this.#speaker)
    navigator.mediaDevices?.addEventListener('devicechange', this.#relist)
    void this.#list()
  }

  get cameraOn(): boolean {
    return this.unfiltered !== undefined
  }

  // --- what a person switches

  setMicrophone(on: boolean): Promise<void> {
    return this.#inTurn('microphone', async () => {
      if (this.microphone) {
        this.microphone.enabled = on
        this.microphoneOn = on
        this.#tell()
      } else if (on) {
        this.#lost.microphone = undefined
        await this.#openMicrophone(recall('microphone'), 'ideal')
      }
    })
  }

  setCamera(on: boolean): Promise<void> {
    return this.#inTurn('camera', async () => {
      this.#lost.camera = undefined
      if (on === this.cameraOn) return
      if (on) await this.#openCamera(recall('camera'), 'ideal')
      else this.#closeCamera()
    })
  }

  setScreen(on: boolean): Promise<void> {
    return this.#inTurn('screen', async () => {
      if (on === (this.screen !== undefined)) return
      if (on) await this.#openScreen()
      else this.#closeScreen()
    })
  }

  setFilter(filter: Filter): Promise<void> {
    return this.#inTurn('camera', async () => {
      const before = this.filter
      this.filter = filter
      if (!this.unfiltered) return
      try {
        await this.#showCamera(this.unfiltered)
      } catch {
        this.filter = before
        toast(t().local.filterFailed, 'bad')
      }
    })
  }

  setNoiseSuppression(on: boolean): Promise<void> {
    return this.#inTurn('microphone', async () => {
      this.noiseSuppression = on
      remember('noise', on ? '' : 'off')
      const track = this.microphone
      if (!track) return
      await track.applyConstraints(voiceConstraints(on)).catch(() => {})
      // Chromium accepts the wish and goes on as before; only a device opened anew obeys.
      const now = track.getSettings().noiseSuppression
      if (now === on || now === undefined) return
      const answer = await this.#ask({ audio: { ...microphoneConstraints(idOf(track), on, 'exact'), ...voiceConstraints(on, 'exact') } })
      if (answer.track) {
        this.#putMicrophone(answer.track, this.microphoneOn)
      } else {
        this.noiseSuppression = !on
        remember('noise', on ? 'off' : '')
        toast(t().local.noiseFailed, 'bad')
      }
    })
  }

  setQuality(quality: SendQuality): Promise<void> {
    return this.#inTurn('camera', async () => {
      const resized = quality.height !== this.quality.height
      this.quality = quality
      remember('quality', JSON.stringify(quality))
      // A camera that cannot do it goes on as it is; what the size became the statistics show.
      if (resized) await this.unfiltered?.applyConstraints(pictureConstraints(quality.height)).catch(() => {})
      this.#tell()
    })
  }

  async useDevice(kind: DeviceKind, deviceId: string): Promise<void> {
    if (kind === 'audiooutput') {
      this.#lost.speaker = undefined
      await this.#useSpeaker(deviceId)
    } else if (kind === 'videoinput') {
      await this.#inTurn('camera', async () => {
        this.#lost.camera = undefined
        if (!this.cameraOn || (await this.#openCamera(deviceId, 'exact'))) remember('camera', deviceId)
      })
    } else {
      await this.#inTurn('microphone', async () => {
        this.#lost.microphone = undefined
        if (!this.microphone || (await this.#openMicrophone(deviceId, 'exact', this.microphoneOn))) remember('microphone', deviceId)
      })
    }
  }

  deviceInUse(kind: DeviceKind): string {
    switch (kind) {
      case 'audiooutput':
        return this.#speaker
      case 'videoinput':
        return idOf(this.unfiltered) || recall('camera')
      default:
        return idOf(this.microphone) || recall('microphone')
    }
  }

  stop() {
    this.#stopped = true
    this.onchange = undefined
    navigator.mediaDevices?.removeEventListener('devicechange', this.#relist)
    this.#filtering?.stop()
    for (const track of [this.unfiltered, this.microphone, this.screen, this.screenSound]) track?.stop()
    this.camera = this.unfiltered = this.microphone = this.screen = this.screenSound = undefined
    this.#filtering = undefined
    this.microphoneOn = false
  }

  // --- camera

  /** Opens a camera in the place of the one there is. Tells whether it came; if not, the old one stays where that can be. */
  async #openCamera(deviceId: string, insistence: Insistence): Promise<boolean> {
    const before = this.unfiltered
    const ask = (id: string, how: Insistence) => this.#ask({ video: cameraConstraints(id, this.quality.height, how) })
    let answer = await ask(deviceId, insistence)
    if (before && answer.problem === 'busy') {
      // Phones open one camera at a time.
      const id = idOf(before)
      before.stop()
      answer = await ask(deviceId, insistence)
      if (answer.problem) {
        this.#complain('camera', answer.problem)
        const back = await ask(id, 'ideal')
        if (!back.track) this.#closeCamera()
        else await this.#putCamera(back.track, before)
        return false
      }
    }
    if (!answer.track) {
      this.#complain('camera', answer.problem ?? 'failed')
      return false
    }
    this.cameraProblem = undefined
    return this.#putCamera(answer.track, before)
  }

  async #putCamera(track: MediaStreamTrack, before: MediaStreamTrack | undefined): Promise<boolean> {
    if (this.#stopped) {
      track.stop()
      return false
    }
    this.#watch('camera', track)
    this.unfiltered = track
    try {
      await this.#showCamera(track)
    } catch {
      // Who chose a filter does not want to be seen without it.
      toast(t().local.filterFailedOff, 'bad')
      before?.stop()
      this.filter = 'none'
      this.#closeCamera()
      return false
    }
    before?.stop()
    void this.#list()
    return true
  }

  /** Sends a camera's picture with the filter that is chosen. What was sent before goes on until the first frame is there. */
  async #showCamera(track: MediaStreamTrack) {
    if (this.filter === 'none') {
      this.camera = track
      this.#tell()
      this.#filtering?.stop()
      this.#filtering = undefined
      return
    }
    if (this.#filtering) {
      this.#filtering.setFilter(this.filter)
      this.#filtering.setSource(track)
    } else {
      const filtering = await startFiltering(track, this.filter, () => this.#filterBroke())
      if (this.#stopped) {
        filtering.stop()
        return
      }
      filtering.track.contentHint = track.contentHint
      this.#filtering = filtering
    }
    if (this.camera !== this.#filtering.track) {
      this.camera = this.#filtering.track
      this.#tell()
    }
  }

  #filterBroke() {
    void this.#inTurn('camera', async () => {
      if (!this.#filtering) return
      toast(t().local.filterFailedOff, 'bad')
      this.filter = 'none'
      this.#closeCamera()
    })
  }

  #closeCamera() {
    this.unfiltered?.stop()
    this.#filtering?.stop()
    this.camera = this.unfiltered = this.#filtering = undefined
    this.#tell()
  }

  // --- microphone

  async #openMicrophone(deviceId: string, insistence: Insistence, on = true): Promise<boolean> {
    const answer = await this.#ask({ audio: microphoneConstraints(deviceId, this.noiseSuppression, insistence) })
    if (!answer.track) {
      this.#complain('microphone', answer.problem ?? 'failed')
      return false
    }
    return this.#putMicrophone(answer.track, on)
  }

  /** Puts a microphone in the place of the one there is. */
  #putMicrophone(track: MediaStreamTrack, on: boolean): boolean {
    if (this.#stopped) {
      track.stop()
      return false
    }
    const before = this.microphone
    this.microphoneProblem = undefined
    track.enabled = on
    this.#takeMicrophone(track)
    this.#tell()
    before?.stop()
    void this.#list()
    return true
  }

  #takeMicrophone(track: MediaStreamTrack) {
    this.#watch('microphone', track)
    this.microphone = track
    this.microphoneOn = track.enabled
  }

  // --- screen

  async #openScreen() {
    this.screenProblem = undefined
    if (typeof navigator.mediaDevices?.getDisplayMedia !== 'function') {
      this.#complain('screen', problemBefore(surroundings()) ?? 'unsupported')
      return
    }
    let stream: MediaStream
    try {
      stream = await navigator.mediaDevices.getDisplayMedia(screenConstraints)
    } catch (error) {
      // Who closes the browser's question has changed their mind, and needs no word about it.
      if (problemOf(error) !== 'denied') this.#complain('screen', problemOf(error))
      return
    }
    const [video] = stream.getVideoTracks()
    const [audio] = stream.getAudioTracks()
    if (!video || this.#stopped) {
      for (const track of stream.getTracks()) track.stop()
      return
    }
    video.contentHint = 'detail'
    if (audio) audio.contentHint = 'music'
    // The browser's own bar stops the sharing too, and a window that is closed.
    video.addEventListener('ended', () => {
      if (this.screen === video) this.#closeScreen()
    })
    audio?.addEventListener('ended', () => {
      if (this.screenSound !== audio) return
      this.screenSound = undefined
      this.#tell()
    })
    this.screen = video
    this.screenSound = audio
    this.#tell()
  }

  #closeScreen() {
    this.screen?.stop()
    this.screenSound?.stop()
    this.screen = this.screenSound = undefined
    this.#tell()
  }

  // --- speaker

  async #useSpeaker(deviceId: string, keep = true) {
    if (await chooseSpeaker(deviceId)) {
      this.#speaker = deviceId
      if (keep) remember('speaker', deviceId)
      return
    }
    await chooseSpeaker(this.#speaker)
    toast(t().local.speakerFailed, 'bad')
  }

  // --- devices that come and go

  #watch(input: Input, track: MediaStreamTrack) {
    track.addEventListener('ended', () => this.#gone(input, track))
  }

  /** A track ended by itself, or its device is no longer there: another device takes its place, if there is one. */
  #gone(input: Input, track: MediaStreamTrack) {
    const current = () => (input === 'camera' ? this.unfiltered : this.microphone)
    if (current() !== track || this.#stopped) return
    void this.#inTurn(input, async () => {
      if (current() !== track) return
      track.stop()
      const { deviceId } = track.getSettings()
      // What was lost first is what was chosen.
      this.#lost[input] ??= { deviceId: deviceId ?? '', label: track.label, on: input === 'camera' || this.microphoneOn }
      await this.#list()
      const list = input === 'camera' ? this.cameras : this.microphones
      const others = list.filter((device) => device.deviceId !== deviceId || device.deviceId === 'default')
      const words = t().local[input]
      for (const device of others) {
        const answer =
          input === 'camera'
            ? await this.#ask({ video: cameraConstraints(device.deviceId, this.quality.height, 'exact') })
            : await this.#ask({ audio: microphoneConstraints(device.deviceId, this.noiseSuppression, 'exact') })
        if (!answer.track) continue
        const put = input === 'camera' ? await this.#putCamera(answer.track, track) : this.#putMicrophone(answer.track, this.microphoneOn)
        if (!put) return
        toast(words.replaced(track.label || words.one, answer.track.label || words.another), 'bad')
        return
      }
      toast(words.gone(track.label || words.one), 'bad')
      if (input === 'camera') {
        this.#closeCamera()
      } else {
        this.microphone = undefined
        this.microphoneOn = false
        this.#tell()
      }
    })
  }

  #relist = async () => {
    const had = new Set([...this.cameras, ...this.microphones].map(({ deviceId }) => deviceId))
    await this.#list()
    if (this.#stopped) return
    const has = new Set([...this.cameras, ...this.microphones].map(({ deviceId }) => deviceId))
    for (const input of ['camera', 'microphone'] as const) {
      const track = input === 'camera' ? this.unfiltered : this.microphone
      const id = idOf(track)
      // Some browsers do not end the track of a device that was pulled out.
      if (track && had.has(id) && !has.has(id)) this.#gone(input, track)
      else this.#comeBack(input, has)
    }
    this.#followSpeaker()
  }

  #comeBack(input: Input, has: Set<string>) {
    const lost = this.#lost[input]
    if (!lost || !has.has(lost.deviceId)) return
    void this.#inTurn(input, async () => {
      if (this.#lost[input] !== lost) return
      this.#lost[input] = undefined
      const on = this.microphone ? this.microphoneOn : lost.on
      const back = input === 'camera' ? await this.#openCamera(lost.deviceId, 'exact') : await this.#openMicrophone(lost.deviceId, 'exact', on)
      if (back) toast(t().local[input].back(lost.label || t().local[input].one))
    })
  }

  #followSpeaker() {
    const there = (id: string) => this.speakers.some(({ deviceId }) => deviceId === id)
    const lost = this.#lost.speaker
    if (lost && there(lost.deviceId)) {
      this.#lost.speaker = undefined
      toast(t().local.speaker.back(lost.label))
      void this.#useSpeaker(lost.deviceId, false)
    } else if (this.#speaker && this.speakers.length > 0 && !there(this.#speaker)) {
      const label = this.#speakerLabel || t().local.speaker.one
      this.#lost.speaker = { deviceId: this.#speaker, label, on: true }
      toast(t().local.speaker.gone(label), 'bad')
      void this.#useSpeaker('', false)
    }
    this.#noteSpeaker()
  }

  #speakerLabel = ''
  #noteSpeaker() {
    this.#speakerLabel = this.speakers.find(({ deviceId }) => deviceId === this.#speaker)?.label ?? ''
  }

  async #list() {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => undefined)) ?? []
    // Without a permission the browser names none, and without an id none can be chosen.
    const of = (kind: MediaDeviceKind) => devices.filter((d) => d.kind === kind && d.deviceId !== '')
    this.cameras = of('videoinput')
    this.microphones = of('audioinput')
    this.speakers = of('audiooutput')
    if (!this.#speakerLabel) this.#noteSpeaker()
  }

  // --- in common

  async #ask(wish: { video: MediaTrackConstraints } | { audio: MediaTrackConstraints }): Promise<{ track?: MediaStreamTrack; problem?: DeviceProblem }> {
    const before = problemBefore(surroundings())
    if (before) return { problem: before }
    try {
      const [track] = (await navigator.mediaDevices.getUserMedia(wish)).getTracks()
      return track ? { track } : { problem: 'failed' }
    } catch (error) {
      return { problem: problemOf(error) }
    }
  }

  #complain(what: Input | 'screen', problem: DeviceProblem) {
    this[`${what}Problem`] = problem
    toast(t().local[what].problem[problem], 'bad')
  }

  #tell() {
    if (!this.#stopped) this.onchange?.()
  }

  /** Work on one device waits for what is being done to it already. */
  #inTurn(what: keyof LocalDevices['busy'], work: () => Promise<void>): Promise<void> {
    this.#waiting[what]++
    this.busy[what] = true
    const mine = this.#turn[what].then(async () => {
      try {
        if (!this.#stopped) await work()
      } finally {
        this.busy[what] = --this.#waiting[what] > 0
      }
    })
    this.#turn[what] = mine.catch(() => {})
    return mine
  }
}

function idOf(track: MediaStreamTrack | undefined): string {
  return track?.getSettings().deviceId ?? ''
}
