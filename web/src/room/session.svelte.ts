import { DisconnectReason, Room, RoomEvent, Track, type Participant, type VideoCodec } from 'livekit-client'
import { api, codeOf, type Credential } from '../api/client'
import { followStatus } from '../api/status'
import type { Admission, Keys, LiveStatus, Role } from '../api/types'
import { t } from '../i18n/index.svelte'
import { musicConstraints } from '../media/devices'
import { recall } from '../remember'
import { StatsRecorder } from '../stats/recorder.svelte'
import { toast } from '../ui/toasts.svelte'
import { chatTopic } from './chat'
import { publishCodec, sentCodec } from './codec'
import { RoomFigures } from './figures'
import { Messages } from './messages.svelte'
import { musicDefaults } from './music'
import { personOf, tilesOf } from './participants'
import { Reactions } from './reactions.svelte'
import { isBanned, overOf, refusalOf } from './refusals'
import { Sending, type Tracks, type Wish } from './sending.svelte'
import { Topics, type Sender } from './topics'
import type { EndedShow, ChatMessage, DeviceKind, Me, Over, Person, RoomView, Tile } from './view'

/** How long a broken connection is tried again before the room is given up, in seconds. */
const patience = 60

/** What a stay in a room begins with. Tracks from the preview are the session's then, which ends them. */
export interface Entry extends Tracks {
  room: string
  title: string
  publicWatch: boolean
  name: string
  identity: string
  credential: Credential
  admission: Admission
  /** How to be admitted again after the connection was lost; without it, by asking the server anew. */
  admit?: () => Promise<Admission>
  /** What is sent at once, from devices that are opened for it. */
  wish?: Wish | undefined
  /** What is sung or played is heard here: sound is sent in full, and nothing is taken from it. */
  music?: boolean
  /** What the scene wants pictures sent in, the best first. */
  codecs?: readonly string[] | undefined
  /** Says nothing in passing of who comes and goes. */
  quiet?: boolean
  /** No screen shows figures of it, so none are taken. */
  unmeasured?: boolean
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
  soundBlocked = $state(false)
  live = $state.raw<LiveStatus>()
  keys = $state.raw<Keys>()
  mayPublish = $state(true)
  waits = $state(false)
  #mayTell = $state(true)
  codec = $state('')
  readonly statistics: StatsRecorder
  readonly reactions: Reactions

  /** What was sent when the stay ended. */
  sent: Wish = { microphone: false, camera: false }

  #entry: Entry
  #client: Room
  #wanted: VideoCodec
  #unfollow = () => {}
  #unfollowPage = () => {}
  #gone = false
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
  #sending: Sending
  #messages: Messages
  #topics: Topics

  constructor(entry: Entry) {
    this.#entry = entry
    this.room = entry.room
    this.title = entry.title
    this.publicWatch = entry.publicWatch
    this.role = entry.admission.role
    this.#wanted = this.codec = publishCodec(entry.codecs)
    this.#client = new Room({
      adaptiveStream: true,
      dynacast: true,
      disconnectOnPageLeave: false, // also where the page only asks whether to leave; see #followPage
      publishDefaults: { videoCodec: this.#wanted, ...(entry.music ? musicDefaults : {}) },
      ...(entry.music ? { audioCaptureDefaults: { ...musicConstraints(recall('microphone')) as object } } : {}),
      ...(recall('speaker') ? { audioOutput: { deviceId: recall('speaker') } } : {}),
    })
    this.#sending = new Sending(
      this.#client, { previews: { video: entry.video, audio: entry.audio }, wish: entry.wish, music: entry.music ?? false },
      this, () => this.#refresh(),
    )
    this.#messages = new Messages(this.#client, entry.name)
    this.#topics = new Topics(this.#client)
    this.reactions = new Reactions(
      this.#topics, () => ({ identity: this.#client.localParticipant.identity, name: entry.name }), () => this.#mayTell && this.phase === 'connected',
    )
    this.statistics = new StatsRecorder(new RoomFigures(this.#client))
    this.#sound.hidden = true
    document.body.append(this.#sound)
    this.#listen()
    this.#unfollowPage = this.#followPage()
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
      if (this.#leaving || this.#gone) return
      const over = refusalOf(error)
      if (over) this.#finish(over)
      else void this.#breakOff()
      return
    }
    this.#entered()
    if (this.#entry.wish) await this.#sending.sendAgain(this.#entry.wish)
    else await this.#sending.sendPreviews()
  }

  #entered() {
    this.phase = 'connected'
    this.#entry.onphase?.('connected')
    clearInterval(this.#countdown)
    this.codec = sentCodec(this.#wanted, this.#client.engine.latestJoinResponse?.enabledPublishCodecs.map(({ mime }) => mime) ?? [])
    this.#permitted()
    this.#refresh()
    if (!this.#entry.unmeasured) this.statistics.start()
    this.#unfollow()
    this.#unfollow = followStatus(this.room, this.#entry.credential, { status: (status) => this.#hearLive(status) })
    if (this.role === 'host' && !this.keys) {
      // Without the keys the invitation has none; everything else works.
      void api.keys(this.room, this.#entry.credential).then((keys) => (this.keys = keys), () => {})
    }
  }

  /** Follows what this person may do. Who waits before the door neither sees nor is seen. Tells whether they were let in just now. */
  #permitted(): boolean {
    const may = this.#client.localParticipant.permissions
    const before = this.waits
    this.mayPublish = may?.canPublish ?? true
    this.#mayTell = may?.canPublishData ?? true
    this.waits = may !== undefined && may.hidden && !may.canSubscribe
    return before && !this.waits
  }

  /** Says what became of the show without anybody here having done it. */
  #hearLive(status: LiveStatus) {
    const before = this.live
    this.live = status
    const recorded = status.on && status.recording !== undefined
    const was = before?.on === true && before.recording !== undefined
    // Also to who comes into it: it is for everybody to know.
    if (recorded !== was && (status.on || !before)) toast(recorded ? t().live.beingRecordedTo : t().live.notRecorded)
    if (!before || this.#ending) return
    if (status.on) {
      if (status.resumed && !(before.on && before.resumed === status.resumed)) toast(t().live.resumed)
    } else if (!status.returning && (before.on || before.returning)) {
      toast(t().live.hasEnded)
    }
  }

  /** The connection is gone and livekit-client has given up: try to come in anew until patience ends. */
  async #breakOff(wish = this.#sending.wish) {
    const attempt = ++this.#attempt
    this.#recovering = true
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
        void this.#sending.sendAgain(wish)
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

  /** Shows that the connection is being restored, with the seconds that are left. */
  #wait() {
    this.phase = 'reconnecting'
    this.secondsLeft = patience
    clearInterval(this.#countdown)
    this.#countdown = window.setInterval(() => (this.secondsLeft = Math.max(0, this.secondsLeft - 1)), 1000)
  }

  #finish(over: Over) {
    if (this.phase !== 'over') this.sent = this.#sending.wish
    this.#attempt++
    clearInterval(this.#countdown)
    this.#unfollow()
    this.#unfollow = () => {}
    this.#unfollowPage()
    this.#sound.remove()
    this.#sending.stop()
    this.statistics.stop()
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
        // With what they brought.
        if (participant.isLocal && this.#permitted()) void this.#sending.sendAgain(this.#sending.wish)
      })
      .on(RoomEvent.AudioPlaybackStatusChanged, () => (this.soundBlocked = !this.#client.canPlaybackAudio))
      .on(RoomEvent.DataReceived, (payload, participant, _kind, topic) => {
        if (!topic || !participant) return
        if (topic === chatTopic) this.#messages.hear(payload, participant)
        this.#topics.hear(topic, payload, participant)
      })
      .on(RoomEvent.Reconnecting, () => this.#wait())
      .on(RoomEvent.SignalReconnecting, () => this.#wait())
      .on(RoomEvent.Reconnected, () => {
        this.phase = 'connected'
        clearInterval(this.#countdown)
        this.#refresh()
        // What was to be sent while it was away.
        if (this.#sending.pending) void this.#sending.sendPreviews()
        this.#entry.onphase?.('connected')
      })
      .on(RoomEvent.Disconnected, (reason) => this.#disconnected(reason))
  }

  /** Leaves when the page goes, and comes in anew where the browser brings it back from its memory. */
  #followPage() {
    let { wish } = this.#sending
    const goes = () => {
      wish = this.#sending.wish // leaving takes it all away
      this.#gone = true
      this.#attempt++
      void this.#client.disconnect()
    }
    const comes = ({ persisted }: PageTransitionEvent) => {
      this.#gone = false
      if (persisted) void this.#breakOff(wish)
    }
    addEventListener('pagehide', goes)
    addEventListener('pageshow', comes)
    return () => {
      removeEventListener('pagehide', goes)
      removeEventListener('pageshow', comes)
    }
  }

  #disconnected(reason: DisconnectReason | undefined) {
    if (this.#leaving || this.#gone || this.phase === 'over') return
    this.#sound.replaceChildren()
    switch (reason) {
      case DisconnectReason.DUPLICATE_IDENTITY:
        this.#finish('duplicate')
        break
      case DisconnectReason.PARTICIPANT_REMOVED:
        void this.#removed()
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

  async #removed() {
    const over = (await isBanned(this.#entry.admission.url, this.token)) ? 'banned' : 'removed'
    if (!this.#leaving && this.phase !== 'over') this.#finish(over)
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
    this.#sending.look()
  }

  // --- what the person does

  get me(): Me {
    return this.#sending.me
  }

  get microphone(): MediaStreamTrack | undefined {
    return this.#sending.microphone
  }

  get noiseSuppression(): boolean | undefined {
    return this.#sending.noiseSuppression
  }

  get microphoneDelay(): number {
    return this.#sending.microphoneDelay
  }

  /** Sends tracks that were opened elsewhere, once it is connected; the session ends them. */
  send(tracks: Tracks) {
    this.#sending.send(tracks)
  }

  toggleMicrophone() {
    return this.#sending.toggleMicrophone()
  }

  toggleCamera() {
    return this.#sending.toggleCamera()
  }

  get otherSide(): RoomView['otherSide'] {
    return this.#sending.otherSide
  }

  turnCamera() {
    return this.#sending.turnCamera()
  }

  toggleScreen() {
    return this.#sending.toggleScreen()
  }

  setNoiseSuppression(on: boolean) {
    return this.#sending.setNoiseSuppression(on)
  }

  playMusic(track: MediaStreamTrack) {
    return this.#sending.playMusic(track)
  }

  endMusic() {
    return this.#sending.endMusic()
  }

  useDevice(kind: DeviceKind, deviceId: string) {
    return this.#sending.useDevice(kind, deviceId)
  }

  deviceInUse(kind: DeviceKind): string {
    return this.#sending.deviceInUse(kind)
  }

  async startSound() {
    await this.#client.startAudio()
  }

  get messages(): ChatMessage[] {
    return this.#messages.kept.list
  }

  get said(): number {
    return this.#messages.kept.count
  }

  say(text: string) {
    return this.#messages.say(text)
  }

  whisper(topic: string, payload: Uint8Array) {
    this.#topics.whisper(topic, payload)
  }

  post(identity: string, topic: string, payload: Uint8Array) {
    return this.#topics.post(identity, topic, payload)
  }

  overhear(topic: string, listener: (payload: Uint8Array, from: Sender) => void) {
    return this.#topics.overhear(topic, listener)
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

  async endLive(): Promise<EndedShow> {
    this.#ending = true
    const since = this.live?.on ? this.live.since : ''
    try {
      const summary = await api.endLive(this.room, this.#entry.credential)
      this.live = { on: false }
      return { ...summary, since }
    } finally {
      this.#ending = false
    }
  }
}
