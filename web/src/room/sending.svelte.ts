import { LocalAudioTrack, LocalVideoTrack, Track, type Room, type VideoCaptureOptions } from 'livekit-client'
import { t } from '../i18n/index.svelte'
import { idOf } from '../media/ask'
import { cameraConstraints, microphoneConstraints, musicConstraints, pictureConstraints, problemOf, voiceConstraints } from '../media/devices'
import { facingOf, otherSide, type Facing } from '../media/facing'
import { off } from '../media/preview.svelte'
import { recall, remember } from '../remember'
import { toast } from '../ui/toasts.svelte'
import { Music } from './music'
import { qualityOf } from './participants'
import type { DeviceKind, Me, RoomView } from './view'

/** Tracks that were opened elsewhere; whoever is given them ends them. */
export interface Tracks {
  video?: MediaStreamTrack | undefined
  audio?: MediaStreamTrack | undefined
}

/** What was sent, or is to be. */
export interface Wish {
  microphone: boolean
  camera: boolean
  /** The camera that was turned to by hand, in place of the chosen one. */
  turned?: string
}

/** What a sender must know of the stay that it is a part of. */
type Stay = Pick<RoomView, 'phase' | 'mayPublish' | 'waits'>

/** What this person sends into a room, and from which devices. A part of one stay, which tells it when there is somebody to send to. */
export class Sending {
  me = $state<Me>({
    microphone: false, camera: false, screen: false,
    busy: { microphone: false, camera: false, screen: false }, quality: 'unknown',
  })
  microphone = $state.raw<MediaStreamTrack>()
  /** Undefined where nothing is taken from what is heard. */
  noiseSuppression = $state<boolean>()

  /** Where the camera may be turned to. */
  otherSide = $state<Facing>()

  #camera: MediaStreamTrack | undefined
  #turned: string
  #client: Room
  #music: boolean
  #stay: Stay
  #changed: () => void
  #previews: Tracks
  #accompaniment: Music

  /** `changed` is called whenever something else is sent. */
  constructor(client: Room, { previews, wish, music }: { previews: Tracks; wish: Wish | undefined; music: boolean }, stay: Stay, changed: () => void) {
    this.#client = client
    this.#music = music
    this.#stay = stay
    this.#changed = changed
    this.#previews = previews
    this.#accompaniment = new Music(() => client.localParticipant)
    this.noiseSuppression = music ? undefined : recall('noise') !== 'off'
    // What was on before joining shows as on at once, though it is sent only after connecting.
    this.me.microphone = this.me.busy.microphone = wish?.microphone ?? previews.audio !== undefined
    this.me.camera = this.me.busy.camera = wish?.camera ?? previews.video !== undefined
    this.#turned = wish?.turned ?? ''
  }

  get wish(): Wish {
    return { microphone: this.me.microphone, camera: this.me.camera, turned: this.#turned }
  }

  /** Takes what is sent now as the client knows it. */
  look() {
    const { localParticipant: local } = this.#client
    if (!this.me.busy.microphone) this.me.microphone = local.isMicrophoneEnabled
    if (!this.me.busy.camera) this.me.camera = local.isCameraEnabled
    this.me.screen = local.isScreenShareEnabled
    this.me.quality = qualityOf(local.connectionQuality)
    this.microphone = this.#microphoneTrack?.mediaStreamTrack
    const camera = this.#cameraTrack?.mediaStreamTrack
    if (camera !== this.#camera) void this.#lookAround(camera)
  }

  async #lookAround(camera: MediaStreamTrack | undefined) {
    this.#camera = camera
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => undefined)) ?? []
    if (this.#camera === camera) this.otherSide = otherSide(camera, devices.filter(({ kind }) => kind === 'videoinput').length)
  }

  // --- tracks from before joining

  /** Whether there are tracks from elsewhere that are not sent yet. */
  get pending(): boolean {
    return this.#previews.video !== undefined || this.#previews.audio !== undefined
  }

  /** Sends tracks that were opened elsewhere, once it is connected. */
  send(previews: Tracks) {
    if (this.#stay.phase === 'over') {
      end(previews)
      return
    }
    this.#previews = previews
    this.me.microphone = this.me.busy.microphone = previews.audio !== undefined
    this.me.camera = this.me.busy.camera = previews.video !== undefined
    if (this.#stay.phase === 'connected') void this.sendPreviews()
  }

  /** Publishes the tracks that came from before joining, once. */
  async sendPreviews() {
    if (this.#stay.waits) return
    const previews = this.#previews
    this.#previews = {}
    if (this.#stay.mayPublish && this.#stay.phase !== 'over') {
      await Promise.all([this.#sendPreview(previews.audio), this.#sendPreview(previews.video)])
      return
    }
    end(previews)
    this.me.busy.microphone = this.me.busy.camera = false
    this.#changed()
  }

  async #sendPreview(track: MediaStreamTrack | undefined) {
    if (!track) return
    const { localParticipant: local } = this.#client
    const video = track.kind === 'video'
    const what = video ? 'camera' : 'microphone'
    // The preview's microphone was opened for a voice; and what was pulled out meanwhile gives nothing any more.
    if ((!video && this.#music) || track.readyState === 'ended') {
      track.stop()
      await this.#enable(what, true)
      return
    }
    const own = video
      ? new LocalVideoTrack(track, cameraConstraints(recall('camera')), false)
      : new LocalAudioTrack(track, this.#microphoneWish() as MediaTrackConstraints, false)
    try {
      await local.publishTrack(own, { source: video ? Track.Source.Camera : Track.Source.Microphone })
    } catch (error) {
      own.stop()
      complain(what, error)
    } finally {
      this.me.busy[what] = false
    }
    this.#changed()
    // The preview knows nothing of this choice.
    if (!video && this.noiseSuppression === false) void this.setNoiseSuppression(false)
  }

  /** Sends again what was sent before the connection broke off, or in another room. Who waits before the door sends nothing yet. */
  async sendAgain(wish: Wish) {
    if (this.pending) {
      await this.sendPreviews()
      return
    }
    if (this.#stay.waits) return
    const may = this.#stay.mayPublish
    // One after the other, since browsers ask for one thing at a time; what fails keeps nothing else back.
    await this.#enable('microphone', may && wish.microphone)
    await this.#enable('camera', may && wish.camera)
    if (may) await this.#accompaniment.again().catch(() => toast(t().room.actionFailed, 'bad'))
  }

  /** Sends from a device, or no more; whoever has left opens none. */
  async #enable(what: 'microphone' | 'camera', on: boolean) {
    if (this.#stay.phase === 'over') return
    const { localParticipant: local } = this.#client
    try {
      if (what === 'microphone') await local.setMicrophoneEnabled(on, on ? this.#microphoneWish() : undefined)
      else await local.setCameraEnabled(on, on ? this.#cameraWish() : undefined)
    } catch (error) {
      complain(what, error)
    } finally {
      this.me.busy[what] = false
    }
    this.#changed()
  }

  /** Ends what was never sent; livekit-client ends what was. */
  stop() {
    end(this.#previews)
  }

  // --- what the person switches

  /** Does some work on a device, unless there is some already. */
  async #busyWith(what: keyof Me['busy'], work: () => Promise<unknown>) {
    if (this.me.busy[what] || this.#stay.phase === 'over') return
    this.me.busy[what] = true
    try {
      await work()
    } catch (error) {
      // Closing the browser's own picker is a choice, not a failure.
      if (what !== 'screen') complain(what, error)
      else if (!(error instanceof Error && error.name === 'NotAllowedError')) toast(t().room.actionFailed, 'bad')
    } finally {
      this.me.busy[what] = false
      this.#changed()
    }
  }

  toggleMicrophone() {
    const on = !this.me.microphone
    return this.#busyWith('microphone', () => this.#enable('microphone', on))
  }

  toggleCamera() {
    const on = !this.me.camera
    return this.#busyWith('camera', () => this.#enable('camera', on))
  }

  async turnCamera() {
    const [track, to] = [this.#cameraTrack, this.otherSide]
    if (!track || !to) return
    const back = facingOf(track.mediaStreamTrack)
    const look = (facingMode: Facing | undefined) => track.restartTrack({ ...pictureConstraints(), facingMode } as object)
    await this.#busyWith('camera', async () => {
      try {
        await look(to)
        this.#turned = idOf(track.mediaStreamTrack)
      } catch (error) {
        await look(back)
        throw error
      }
    })
  }

  toggleScreen() {
    const on = !this.me.screen
    return this.#busyWith('screen', () => this.#client.localParticipant.setScreenShareEnabled(on, { audio: true }))
  }

  async setNoiseSuppression(on: boolean) {
    if (this.noiseSuppression === undefined) return
    this.noiseSuppression = on
    remember('noise', on ? '' : 'off')
    const track = this.#microphoneTrack
    if (!track) return
    // Without a device livekit-client does not pass the rest of a wish on.
    const id = track.mediaStreamTrack.getSettings().deviceId ?? recall('microphone')
    const anew = (noise: boolean) => track.restartTrack({ ...microphoneConstraints(id, noise), ...voiceConstraints(noise, 'exact') } as object)
    await this.#busyWith('microphone', async () => {
      try {
        // Only a device opened anew obeys in every browser.
        await anew(on)
      } catch {
        this.noiseSuppression = !on
        remember('noise', on ? 'off' : '')
        toast(t().local.noiseFailed, 'bad')
        await anew(!on)
      }
    })
  }

  get #microphoneTrack(): LocalAudioTrack | undefined {
    const track = this.#client.localParticipant.getTrackPublication(Track.Source.Microphone)?.track
    return track instanceof LocalAudioTrack ? track : undefined
  }

  get #cameraTrack(): LocalVideoTrack | undefined {
    const track = this.#client.localParticipant.getTrackPublication(Track.Source.Camera)?.track
    return track instanceof LocalVideoTrack ? track : undefined
  }

  #microphoneWish(): object {
    const id = recall('microphone')
    return this.#music ? musicConstraints(id) : microphoneConstraints(id, this.noiseSuppression)
  }

  /** By its id even where it was turned: livekit-client adds the id of the camera chosen last to a side. */
  #cameraWish(): VideoCaptureOptions | undefined {
    const deviceId = this.#turned || recall('camera')
    return deviceId && deviceId !== off ? { deviceId } : undefined
  }

  /** How late the own microphone is, in seconds, as far as the browser knows. */
  get microphoneDelay(): number {
    return (this.#microphoneTrack?.mediaStreamTrack.getSettings() as { latency?: number } | undefined)?.latency ?? 0
  }

  playMusic(track: MediaStreamTrack): Promise<void> {
    return this.#accompaniment.play(track)
  }

  endMusic(): Promise<void> {
    return this.#accompaniment.end(this.#stay.phase === 'over')
  }

  async useDevice(kind: DeviceKind, deviceId: string) {
    remember({ audioinput: 'microphone', videoinput: 'camera', audiooutput: 'speaker' }[kind], deviceId)
    try {
      await this.#client.switchActiveDevice(kind, deviceId)
      if (kind === 'videoinput') this.#turned = ''
    } catch {
      toast(t().prejoin.problem.failed, 'bad')
    }
    this.#changed()
  }

  deviceInUse(kind: DeviceKind): string {
    return this.#client.getActiveDevice(kind) ?? ''
  }
}

/** Says which device does not work, and why. */
function complain(what: 'microphone' | 'camera', error: unknown) {
  toast(t().local[what].problem[problemOf(error)], 'bad')
}

function end({ video, audio }: Tracks) {
  video?.stop()
  audio?.stop()
}
