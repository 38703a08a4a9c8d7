import { t } from '../i18n/index.svelte'
import { recall, remember } from '../remember'
import type { DeviceKind } from '../room/view'
import { toast } from '../ui/toasts.svelte'
import { askFor, idOf } from './ask'
import { cameraConstraints, microphoneConstraints, pictureConstraints, voiceConstraints, type DeviceProblem, type Insistence } from './devices'
import type { Filter } from './effects/filter'
import { startFiltering, type Filtering } from './effects/filtering'
import { otherSide, type Facing } from './facing'
import type { LocalMedia } from './localmedia'
import { parseQuality, type SendQuality } from './quality'
import { Relapses } from './relapses'
import { ScreenShare } from './screenshare.svelte'
import { SpeakerChoice } from './speakerchoice.svelte'
import { Turns } from './turns.svelte'

type Input = 'camera' | 'microphone'

/** What Chromium also calls the device that the system has chosen. */
const names = new Set(['default', 'communications'])

/** A device that went while it was in use, and comes back into use when it is there again. */
interface Lost {
  deviceId: string
  /** Tells which device it was that a name like "default" stood for. */
  groupId: string
  label: string
  /** A muted microphone comes back muted. */
  on: boolean
}

/** The devices of this computer as LocalMedia. It takes over the tracks it is given. */
export class LocalDevices implements LocalMedia {
  camera = $state.raw<MediaStreamTrack>()
  microphone = $state.raw<MediaStreamTrack>()
  unfiltered = $state.raw<MediaStreamTrack>()
  microphoneOn = $state(false)
  microphoneProblem = $state<DeviceProblem>()
  cameraProblem = $state<DeviceProblem>()
  filter = $state<Filter>('none')
  noiseSuppression = $state(recall('noise') !== 'off')
  quality = $state.raw<SendQuality>(parseQuality(recall('quality')))
  cameras = $state.raw<MediaDeviceInfo[]>([])
  microphones = $state.raw<MediaDeviceInfo[]>([])
  speakers = $state.raw<MediaDeviceInfo[]>([])
  onchange: (() => void) | undefined

  #share = new ScreenShare(() => this.#tell(), (problem) => toast(t().local.screen.problem[problem], 'bad'))
  #speaker = new SpeakerChoice()
  #filtering: Filtering | undefined
  #lost: Partial<Record<Input, Lost>> = {}
  #relapses = new Relapses()
  /** Where the camera was turned by hand; it comes back so. */
  #turned: Facing | undefined
  #turns = new Turns('microphone', 'camera', 'screen')
  #stopped = false

  constructor(tracks: { video?: MediaStreamTrack | undefined; audio?: MediaStreamTrack | undefined } = {}) {
    if (tracks.audio) {
      this.#takeMicrophone(tracks.audio)
      const suppressed = tracks.audio.getSettings().noiseSuppression
      if (suppressed !== undefined && suppressed !== this.noiseSuppression) void this.setNoiseSuppression(this.noiseSuppression)
    }
    if (tracks.video) {
      this.unfiltered = this.camera = tracks.video
      this.#watch('camera', tracks.video)
      // The preview is of the usual size and sound, not of the chosen one.
      if (this.quality.height !== 720) void tracks.video.applyConstraints(pictureConstraints(this.quality.height)).catch(() => {})
    }
    navigator.mediaDevices?.addEventListener('devicechange', this.#relist)
    void this.#list()
  }

  get busy() {
    return this.#turns.busy
  }

  get screen(): MediaStreamTrack | undefined {
    return this.#share.picture
  }

  get screenSound(): MediaStreamTrack | undefined {
    return this.#share.sound
  }

  get screenProblem(): DeviceProblem | undefined {
    return this.#share.problem
  }

  get cameraOn(): boolean {
    return this.unfiltered !== undefined
  }

  get otherSide(): Facing | undefined {
    return otherSide(this.unfiltered, this.cameras.length)
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
      if (on) await this.#openCamera(this.#turned ? { facing: this.#turned } : recall('camera'), 'ideal')
      else this.#closeCamera()
    })
  }

  turnCamera(): Promise<void> {
    return this.#inTurn('camera', async () => {
      const facing = this.otherSide
      if (!facing || !(await this.#openCamera({ facing }, 'exact'))) return
      this.#turned = facing
      // Behind a filter the track is the same as before.
      this.#tell()
    })
  }

  setScreen(on: boolean): Promise<void> {
    return this.#inTurn('screen', async () => {
      if (on === (this.screen !== undefined)) return
      if (on) await this.#share.open()
      else this.#share.close()
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
      const answer = await askFor({ audio: { ...microphoneConstraints(idOf(track), on, 'exact'), ...voiceConstraints(on, 'exact') } })
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
      await this.#speaker.choose(deviceId)
    } else if (kind === 'videoinput') {
      await this.#inTurn('camera', async () => {
        this.#lost.camera = undefined
        if (this.cameraOn && !(await this.#openCamera(deviceId, 'exact'))) return
        this.#turned = undefined
        remember('camera', deviceId)
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
        return this.#speaker.id
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
    for (const track of [this.unfiltered, this.microphone]) track?.stop()
    this.#share.stop()
    this.camera = this.unfiltered = this.microphone = undefined
    this.#filtering = undefined
    this.microphoneOn = false
  }

  // --- camera

  /** Opens a camera in the place of the one there is. Tells whether it came; if not, the old one stays where that can be. */
  async #openCamera(camera: Parameters<typeof cameraConstraints>[0], insistence: Insistence): Promise<boolean> {
    const before = this.unfiltered
    const ask = (which: typeof camera, how: Insistence) => askFor({ video: cameraConstraints(which, this.quality.height, how) })
    let answer = await ask(camera, insistence)
    if (before && answer.problem === 'busy') {
      // Phones open one camera at a time.
      const id = idOf(before)
      before.stop()
      answer = await ask(camera, insistence)
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
    this.unfiltered = track
    this.#watch('camera', track)
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
    const answer = await askFor({ audio: microphoneConstraints(deviceId, this.noiseSuppression, insistence) })
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
    this.microphone = track
    this.microphoneOn = track.enabled
    this.#watch('microphone', track)
  }

  // --- devices that come and go

  /** Follows a track that is in use from now on, and may be gone already: it was opened a while ago. */
  #watch(input: Input, track: MediaStreamTrack) {
    track.addEventListener('ended', () => this.#gone(input, track))
    if (track.readyState === 'ended') this.#gone(input, track)
  }

  /** A track ended by itself, or its device is no longer there: another device takes its place, if there is one. */
  #gone(input: Input, track: MediaStreamTrack) {
    const current = () => (input === 'camera' ? this.unfiltered : this.microphone)
    if (current() !== track || this.#stopped) return
    void this.#inTurn(input, async () => {
      if (current() !== track) return
      track.stop()
      const { deviceId = '', groupId = '' } = track.getSettings()
      this.#relapses.ended(input + deviceId)
      // What was lost first is what was chosen.
      this.#lost[input] ??= { deviceId, groupId, label: track.label, on: input === 'camera' || this.microphoneOn }
      await this.#list()
      const list = input === 'camera' ? this.cameras : this.microphones
      // Nor any that ended as well a moment ago: the same microphone may be there under several names.
      const others = list.filter((device) => !this.#relapses.recent(input + device.deviceId))
      const words = t().local[input]
      for (const device of others) {
        const answer =
          input === 'camera'
            ? await askFor({ video: cameraConstraints(device.deviceId, this.quality.height, 'exact') })
            : await askFor({ audio: microphoneConstraints(device.deviceId, this.noiseSuppression, 'exact') })
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
    for (const id of has) {
      if (!had.has(id)) for (const input of ['camera', 'microphone']) this.#relapses.forgive(input + id)
    }
    for (const input of ['camera', 'microphone'] as const) {
      const track = input === 'camera' ? this.unfiltered : this.microphone
      const id = idOf(track)
      // Some browsers do not end the track of a device that was pulled out.
      if (track && had.has(id) && !has.has(id)) this.#gone(input, track)
      else this.#comeBack(input)
    }
    this.#speaker.follow(this.speakers)
  }

  #comeBack(input: Input) {
    const lost = this.#lost[input]
    if (!lost) return
    const list = input === 'camera' ? this.cameras : this.microphones
    const inUse = input === 'camera' ? this.unfiltered : this.microphone
    // What Chromium calls so is there as long as any is, and is another by now.
    const other = inUse !== undefined && names.has(lost.deviceId) && lost.groupId !== ''
    const there = list.find(({ deviceId, groupId }) => (other ? groupId === lost.groupId && !names.has(deviceId) : deviceId === lost.deviceId))
    if (!there || this.#relapses.has(input + there.deviceId)) return
    void this.#inTurn(input, async () => {
      if (this.#lost[input] !== lost) return
      this.#lost[input] = undefined
      const on = this.microphone ? this.microphoneOn : lost.on
      const back = input === 'camera' ? await this.#openCamera(there.deviceId, 'exact') : await this.#openMicrophone(there.deviceId, 'exact', on)
      if (back) toast(t().local[input].back(lost.label || t().local[input].one))
    })
  }

  async #list() {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => undefined)) ?? []
    // Without a permission the browser names none, and without an id none can be chosen.
    const of = (kind: MediaDeviceKind) => devices.filter((d) => d.kind === kind && d.deviceId !== '')
    this.cameras = of('videoinput')
    this.microphones = of('audioinput')
    this.speakers = of('audiooutput')
    this.#speaker.note(this.speakers)
  }

  // --- in common

  #complain(what: Input, problem: DeviceProblem) {
    this[`${what}Problem`] = problem
    toast(t().local[what].problem[problem], 'bad')
  }

  #tell() {
    if (!this.#stopped) this.onchange?.()
  }

  /** Work on one device waits for what is being done to it already, and is not done any more once all is over. */
  #inTurn(what: keyof LocalMedia['busy'], work: () => Promise<void>): Promise<void> {
    return this.#turns.take(what, async () => {
      if (!this.#stopped) await work()
    })
  }
}
