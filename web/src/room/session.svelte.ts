import { DisconnectReason, LocalAudioTrack, LocalVideoTrack, Room, RoomEvent, Track, type Participant } from 'livekit-client'
import { api, codeOf, type Credential } from '../api/client'
import { followStatus } from '../api/status'
import type { Admission, Keys, LiveStatus, LiveSummary, Role } from '../api/types'
import { t } from '../i18n/index.svelte'
import { cameraConstraints, microphoneConstraints, musicConstraints } from '../media/devices'
import { recall, remember } from '../remember'
import { toast } from '../ui/toasts.svelte'
import { chatTopic, decodeChat, encodeChat } from './chat'
import { Music, musicDefaults } from './music'
import { personOf, qualityOf, tilesOf } from './participants'
import { overOf, refusalOf } from './refusals'
import type { ChatMessage, DeviceKind, Me, Over, Person, RoomView, Tile } from './view'

/** How long a broken connection is tried again before the room is given up, in seconds. */
const patience = 60
const maxMessages = 500

export interface Entry {
  room: string
  title: string
  publicWatch: boolean
  name: string
  identity: string
  credential: Credential
  admission: Admission
  /** Tracks from the preview; the session ends them. */
  video?: MediaStreamTrack | undefined
  audio?: MediaStreamTrack | undefined
  /** How to be admitted again after the connection was lost; without it, by asking the server anew. */
  admit?: () => Promise<Admission>
  /** What is sent at once, from devices that are opened for it. */
  wish?: { microphone: boolean; camera: boolean } | undefined
  /** What is sung or played is heard here: sound is sent in full, and nothing is taken from it. */
  music?: boolean
  /** Says nothing in passing of who comes and goes. */
  quiet?: boolean
  onphase?: (phase: RoomView['phase']) => void
}

/**
 * One stay in a room over livekit-client. It is created on entering, connects at once, and ends with `leave`, which also ends
 * the devices it was given.
 */
export class RoomSession implements RoomView {
  readonly room: string
  title = $state('')
  readonly publicWatch: boolean
  role = $state<Role>('guest')
  phase = $state<RoomView['phase']>('connecting')
  over = $state<Over>('left')
  secondsLeft = $state(patience)
  people = $state.raw<Person[]>([])
  tiles = $state.raw<Tile[]>([])
  me = $state<Me>({
    microphone: false, camera: false, screen: false,
    busy: { microphone: false, camera: false, screen: false }, quality: 'unknown',
  })
  messages = $state.raw<ChatMessage[]>([])
  soundBlocked = $state(false)
  live = $state.raw<LiveStatus>()
  keys = $state.raw<Keys>()
  mayPublish = $state(true)
  waits = $state(false)

  /** What was sent when the stay ended. */
  sent = { microphone: false, camera: false }

  #entry: Entry
  #client: Room
  #unfollow = () => {}
  #refreshing = false
  #leaving = false
  /** Bumped by every attempt to come back, so that an older one stops. */
  #attempt = 0
  /** An attempt to come back is under way. */
  #recovering = false
  #countdown = 0
  /** The show is being ended from here. */
  #ending = false
  #sound = document.createElement('div')
  #music = new Music(() => this.#client.localParticipant)

  constructor(entry: Entry) {
    this.#entry = entry
    this.room = entry.room
    this.title = entry.title
    this.publicWatch = entry.publicWatch
    this.role = entry.admission.role
    // What was on before joining shows as on at once, though it is sent only after connecting.
    this.me.microphone = this.me.busy.microphone = entry.wish?.microphone ?? entry.audio !== undefined
    this.me.camera = this.me.busy.camera = entry.wish?.camera ?? entry.video !== undefined
    const h264 = RTCRtpSender.getCapabilities?.('video')?.codecs.some((c) => c.mimeType.toLowerCase() === 'video/h264')
    this.#client = new Room({
      adaptiveStream: true,
      dynacast: true,
      publishDefaults: { videoCodec: h264 ? 'h264' : 'vp8', ...(entry.music ? musicDefaults : {}) },
      ...(entry.music ? { audioCaptureDefaults: { ...musicConstraints(recall('microphone')) as object } } : {}),
      ...(recall('speaker') ? { audioOutput: { deviceId: recall('speaker') } } : {}),
    })
    this.#sound.hidden = true
    document.body.append(this.#sound)
    this.#listen()
    void this.#start()
  }

  /** The own access token, with what the room permits now. */
  get token(): string {
    return (this.#client.engine as unknown as { token?: string } | undefined)?.token ?? this.#entry.admission.token
  }

  // --- connecting

  async #start() {
    const { admission } = this.#entry
    try {
      await this.#client.connect(admission.url, admission.token)
    } catch (error) {
      if (this.#leaving) return
      const over = refusalOf(error)
      if (over) this.#finish(over)
      else void this.#breakOff()
      return
    }
    this.#entered()
    if (this.#entry.wish) await this.#publishAgain(this.#entry.wish)
    else await this.#publishPreviews()
  }

  /** Sends tracks that were opened elsewhere, once it is connected; the session ends them. */
  send({ video, audio }: { video?: MediaStreamTrack | undefined; audio?: MediaStreamTrack | undefined }) {
    if (this.phase === 'over') {
      video?.stop()
      audio?.stop()
      return
    }
    this.#entry.video = video
    this.#entry.audio = audio
    this.me.microphone = this.me.busy.microphone = audio !== undefined
    this.me.camera = this.me.busy.camera = video !== undefined
    if (this.phase === 'connected') void this.#publishPreviews()
  }

  /** Publishes the tracks that came from before joining, once. */
  async #publishPreviews() {
    if (this.waits) return
    const { video, audio } = this.#entry
    this.#entry.video = this.#entry.audio = undefined
    if (this.mayPublish && !this.#leaving) {
      await Promise.all([this.#publishPreview(audio), this.#publishPreview(video)])
      return
    }
    video?.stop()
    audio?.stop()
    this.me.busy.microphone = this.me.busy.camera = false
    this.#refresh()
  }

  async #publishPreview(track: MediaStreamTrack | undefined) {
    if (!track) return
    const video = track.kind === 'video'
    if (!video && this.#entry.music) {
      // The preview's microphone was opened for a voice.
      track.stop()
      this.me.busy.microphone = false
      if (!this.me.microphone || !this.#client.localParticipant.isMicrophoneEnabled) await this.#client.localParticipant.setMicrophoneEnabled(true, this.#microphone()).catch(() => toast(t().prejoin.micProblem, 'bad'))
      this.#refresh()
      return
    }
    const own = video
      ? new LocalVideoTrack(track, cameraConstraints(recall('camera')), false)
      : new LocalAudioTrack(track, microphoneConstraints(recall('microphone')), false)
    try {
      await this.#client.localParticipant.publishTrack(own, {
        source: video ? Track.Source.Camera : Track.Source.Microphone,
      })
    } catch {
      own.stop()
      toast(video ? t().prejoin.problem.failed : t().prejoin.micProblem, 'bad')
    } finally {
      this.me.busy[video ? 'camera' : 'microphone'] = false
    }
    this.#refresh()
  }

  #entered() {
    this.phase = 'connected'
    this.#entry.onphase?.('connected')
    clearInterval(this.#countdown)
    this.#permitted()
    this.#refresh()
    this.#unfollow()
    this.#unfollow = followStatus(this.room, this.#entry.credential, { status: (status) => this.#hearLive(status) })
    if (this.role === 'host' && !this.keys) {
      // Without the keys the invitation has none; everything else works.
      void api.keys(this.room, this.#entry.credential).then((keys) => (this.keys = keys), () => {})
    }
  }

  /** Follows what this person may do. Who waits before the door neither sees nor is seen, and is let in with what they brought. */
  #permitted() {
    const may = this.#client.localParticipant.permissions
    const before = this.waits
    this.mayPublish = may?.canPublish ?? true
    this.waits = may !== undefined && may.hidden && !may.canSubscribe
    if (before && !this.waits) void this.#publishPreviews()
  }

  /** Says what became of the show without anybody here having done it. */
  #hearLive(status: LiveStatus) {
    const before = this.live
    this.live = status
    if (!before || this.#ending) return
    if (status.on) {
      if (status.resumed && !(before.on && before.resumed === status.resumed)) toast(t().live.resumed)
    } else if (!status.returning && (before.on || before.returning)) {
      toast(t().live.hasEnded)
    }
  }

  /** The connection is gone and livekit-client has given up: try to come in anew until patience ends. */
  async #breakOff() {
    const attempt = ++this.#attempt
    this.#recovering = true
    const wish = { microphone: this.me.microphone, camera: this.me.camera }
    if (this.phase !== 'reconnecting') this.#wait()
    let delay = 500
    while (attempt === this.#attempt && !this.#leaving && this.secondsLeft > 0) {
      try {
        const { name, identity, credential, admit } = this.#entry
        const admission = await (admit?.() ?? api.join(this.room, { name, identity }, credential))
        await this.#client.connect(admission.url, admission.token)
        if (attempt !== this.#attempt || this.#leaving) return
        this.#recovering = false
        this.#entered()
        void this.#publishAgain(wish)
        return
      } catch (error) {
        const over = overOf(codeOf(error)) ?? refusalOf(error)
        if (over) {
          this.#finish(over)
          return
        }
      }
      await new Promise((resolve) => setTimeout(resolve, delay))
      delay = Math.min(delay * 1.7, 5000)
    }
    if (attempt === this.#attempt && !this.#leaving) this.#finish('failed')
  }

  /** Sends again what was sent before the connection broke off. */
  async #publishAgain(wish: { microphone: boolean; camera: boolean }) {
    if (this.#entry.video || this.#entry.audio) {
      await this.#publishPreviews()
      return
    }
    if (!this.mayPublish) wish = { microphone: false, camera: false }
    try {
      await this.#client.localParticipant.setMicrophoneEnabled(wish.microphone)
      await this.#client.localParticipant.setCameraEnabled(wish.camera)
      if (this.mayPublish) await this.#music.again()
    } catch {
      toast(t().prejoin.problem.failed, 'bad')
    } finally {
      this.me.busy.microphone = this.me.busy.camera = false
    }
    this.#refresh()
  }

  /** Shows that the connection is being restored, with the seconds that are left. */
  #wait() {
    this.phase = 'reconnecting'
    this.secondsLeft = patience
    clearInterval(this.#countdown)
    this.#countdown = window.setInterval(() => (this.secondsLeft = Math.max(0, this.secondsLeft - 1)), 1000)
  }

  #finish(over: Over) {
    if (this.phase !== 'over') this.sent = { microphone: this.me.microphone, camera: this.me.camera }
    this.#attempt++
    clearInterval(this.#countdown)
    this.#unfollow()
    this.#unfollow = () => {}
    this.#sound.remove()
    this.#entry.video?.stop()
    this.#entry.audio?.stop()
    this.over = over
    this.phase = 'over'
    this.#entry.onphase?.('over')
  }

  async leave() {
    if (this.phase === 'over') return
    this.#leaving = true
    this.#finish('left')
    await this.#client.disconnect()
  }

  // --- what livekit-client says

  #listen() {
    const refresh = () => this.#refresh()
    for (const event of [
      RoomEvent.TrackPublished, RoomEvent.TrackUnpublished, RoomEvent.TrackMuted, RoomEvent.TrackUnmuted,
      RoomEvent.LocalTrackPublished, RoomEvent.LocalTrackUnpublished, RoomEvent.ActiveSpeakersChanged,
      RoomEvent.ConnectionQualityChanged, RoomEvent.ParticipantNameChanged, RoomEvent.ParticipantAttributesChanged,
      RoomEvent.ParticipantMetadataChanged,
    ] as const) {
      this.#client.on(event, refresh)
    }
    this.#client
      .on(RoomEvent.ParticipantConnected, (p) => {
        if (!this.#entry.quiet) toast(t().room.joined(p.name || p.identity))
        this.#refresh()
      })
      .on(RoomEvent.ParticipantDisconnected, (p) => {
        if (!this.#entry.quiet) toast(t().room.leftRoom(p.name || p.identity))
        this.#refresh()
      })
      .on(RoomEvent.TrackSubscribed, (track) => {
        if (track.kind === Track.Kind.Audio) this.#sound.append(track.attach())
        this.#refresh()
      })
      .on(RoomEvent.TrackUnsubscribed, (track) => {
        if (track.kind === Track.Kind.Audio) for (const element of track.detach()) element.remove()
        this.#refresh()
      })
      .on(RoomEvent.TrackMuted, (publication, participant) => {
        if (participant.isLocal && publication.source === Track.Source.Microphone && !this.me.busy.microphone) {
          toast(t().room.mutedBy)
        }
      })
      .on(RoomEvent.ParticipantPermissionsChanged, (_, participant) => {
        if (participant.isLocal) this.#permitted()
      })
      .on(RoomEvent.AudioPlaybackStatusChanged, () => (this.soundBlocked = !this.#client.canPlaybackAudio))
      .on(RoomEvent.DataReceived, (payload, participant, _kind, topic) => {
        if (topic === chatTopic && participant) this.#hear(payload, participant)
        if (topic && participant) for (const listen of this.#overheard.get(topic) ?? []) listen(payload, { identity: participant.identity, name: participant.name || participant.identity })
      })
      .on(RoomEvent.Reconnecting, () => this.#wait())
      .on(RoomEvent.SignalReconnecting, () => this.#wait())
      .on(RoomEvent.Reconnected, () => {
        this.phase = 'connected'
        clearInterval(this.#countdown)
        this.#refresh()
        // What was to be sent while it was away.
        if (this.#entry.video || this.#entry.audio) void this.#publishPreviews()
        this.#entry.onphase?.('connected')
      })
      .on(RoomEvent.Disconnected, (reason) => this.#disconnected(reason))
  }

  #disconnected(reason: DisconnectReason | undefined) {
    if (this.#leaving || this.phase === 'over') return
    this.#sound.replaceChildren()
    switch (reason) {
      case DisconnectReason.DUPLICATE_IDENTITY:
        this.#finish('duplicate')
        break
      case DisconnectReason.PARTICIPANT_REMOVED:
        this.#finish('removed')
        break
      case DisconnectReason.ROOM_DELETED:
      case DisconnectReason.ROOM_CLOSED:
        this.#finish('ended')
        break
      default:
        // A failed attempt to connect ends here too; the loop that made it goes on.
        if (this.phase !== 'connecting' && !this.#recovering) void this.#breakOff()
    }
  }

  /** Gathers many changes at once into one new picture of the room. */
  #refresh() {
    if (this.#refreshing) return
    this.#refreshing = true
    queueMicrotask(() => {
      this.#refreshing = false
      this.#look()
    })
  }

  #look() {
    const local = this.#client.localParticipant
    const all: Participant[] = [local, ...this.#client.remoteParticipants.values()].filter((p) => p.attributes['tutti.role'] !== 'program')
    const people: Person[] = []
    const tiles: Tile[] = []
    for (const participant of all) {
      const person = personOf(participant, { name: this.#entry.name, host: this.role === 'host' })
      people.push(person)
      tiles.push(...tilesOf(participant, person))
    }
    this.people = people
    this.tiles = tiles
    if (!this.me.busy.microphone) this.me.microphone = local.isMicrophoneEnabled
    if (!this.me.busy.camera) this.me.camera = local.isCameraEnabled
    this.me.screen = local.isScreenShareEnabled
    this.me.quality = qualityOf(local.connectionQuality)
  }

  // --- what the person does

  async #busyWith(what: keyof Me['busy'], work: () => Promise<unknown>) {
    if (this.me.busy[what] || this.phase === 'over') return
    this.me.busy[what] = true
    try {
      await work()
    } catch (error) {
      // Closing the browser's own picker is a choice, not a failure.
      const closed = what === 'screen' && error instanceof Error && error.name === 'NotAllowedError'
      if (!closed) toast(what === 'screen' ? t().room.actionFailed : t().prejoin.problem.failed, 'bad')
    } finally {
      this.me.busy[what] = false
      this.#refresh()
    }
  }

  toggleMicrophone() {
    const on = !this.me.microphone
    return this.#busyWith('microphone', () =>
      this.#client.localParticipant.setMicrophoneEnabled(on, on ? this.#microphone() : undefined),
    )
  }

  #microphone(): object {
    return (this.#entry.music ? musicConstraints : microphoneConstraints)(recall('microphone'))
  }

  /** How late the own microphone is, in seconds, as far as the browser knows. */
  get microphoneDelay(): number {
    const settings = this.#client.localParticipant.getTrackPublication(Track.Source.Microphone)?.track?.mediaStreamTrack.getSettings()
    return (settings as { latency?: number } | undefined)?.latency ?? 0
  }

  playMusic(track: MediaStreamTrack): Promise<void> {
    return this.#music.play(track)
  }

  endMusic(): Promise<void> {
    return this.#music.end(this.phase === 'over')
  }

  toggleCamera() {
    const on = !this.me.camera
    const camera = recall('camera')
    return this.#busyWith('camera', () =>
      this.#client.localParticipant.setCameraEnabled(on, on && camera && camera !== 'off' ? { deviceId: camera } : undefined),
    )
  }

  toggleScreen() {
    const on = !this.me.screen
    return this.#busyWith('screen', () => this.#client.localParticipant.setScreenShareEnabled(on, { audio: true }))
  }

  async startSound() {
    await this.#client.startAudio()
  }

  async useDevice(kind: DeviceKind, deviceId: string) {
    const key = { audioinput: 'microphone', videoinput: 'camera', audiooutput: 'speaker' }[kind]
    remember(key, deviceId)
    try {
      await this.#client.switchActiveDevice(kind, deviceId)
    } catch {
      toast(t().prejoin.problem.failed, 'bad')
    }
  }

  deviceInUse(kind: DeviceKind): string {
    return this.#client.getActiveDevice(kind) ?? ''
  }

  async say(text: string) {
    const payload = { id: crypto.getRandomValues(new Uint32Array(2)).join('-'), timestamp: Date.now(), message: text }
    await this.#client.localParticipant.publishData(encodeChat(payload), { reliable: true, topic: chatTopic })
    const { identity } = this.#client.localParticipant
    this.#keep({ id: payload.id, from: this.#entry.name, identity, own: true, text, at: payload.timestamp })
  }

  #overheard = new Map<string, Set<(payload: Uint8Array, from: { identity: string; name: string }) => void>>()

  whisper(topic: string, payload: Uint8Array) {
    if (this.phase !== 'connected') return
    void this.#client.localParticipant.publishData(payload as Uint8Array<ArrayBuffer>, { reliable: false, topic }).catch(() => {})
  }

  async post(identity: string, topic: string, payload: Uint8Array) {
    if (this.#client.state !== 'connected') throw new Error('the room is not connected')
    await this.#client.localParticipant.publishData(payload as Uint8Array<ArrayBuffer>, { reliable: true, topic, destinationIdentities: [identity] })
  }

  overhear(topic: string, listener: (payload: Uint8Array, from: { identity: string; name: string }) => void): () => void {
    const all = this.#overheard.get(topic) ?? new Set()
    this.#overheard.set(topic, all.add(listener))
    return () => all.delete(listener)
  }

  #hear(data: Uint8Array, from: Participant) {
    const message = decodeChat(data, Date.now())
    if (!message) return
    this.#keep({
      // The sender chooses the id, so it is unique only together with the sender and a count.
      id: `${from.sid}/${message.id}/${this.messages.length}`, from: from.name || from.identity,
      identity: from.identity, own: false, text: message.message, at: message.timestamp,
    })
  }

  #keep(message: ChatMessage) {
    this.messages = [...this.messages.slice(1 - maxMessages), message]
  }

  async muteOther(person: Person) {
    await api.mute(this.room, person.identity, person.microphoneSid, true, this.#entry.credential)
  }

  async removeOther(person: Person) {
    await api.remove(this.room, person.identity, this.#entry.credential)
  }

  async goLive(title: string) {
    this.live = await api.goLive(this.room, { title }, this.#entry.credential)
  }

  async show(sid: string) {
    await api.show(this.room, sid, this.#entry.credential)
  }

  async endLive(): Promise<LiveSummary> {
    this.#ending = true
    try {
      const summary = await api.endLive(this.room, this.#entry.credential)
      this.live = { on: false }
      return summary
    } finally {
      this.#ending = false
    }
  }
}
