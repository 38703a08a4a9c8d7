import {
  ConnectionQuality, DisconnectReason, LocalAudioTrack, LocalVideoTrack, Room, RoomEvent, Track, VideoQuality,
  type LocalTrackPublication, type RemoteParticipant, type RemoteTrack, type RemoteTrackPublication,
} from 'livekit-client'
import type { LocalMedia } from '../media/localmedia'
import { chatTopic } from '../room/chat'
import { publishCodec } from '../room/codec'
import { reportsOf } from '../stats/livekit'
import { TrackPicture, whenLive, type Feed, type Link, type LinkEvents, type Reached } from './link'
import { sources, type Source } from './protocol'
import { pipeTopic, RoomPipes } from './roompipes'

const sourceOf: Partial<Record<Track.Source, Source>> = {
  [Track.Source.Microphone]: 'microphone', [Track.Source.Camera]: 'camera', [Track.Source.ScreenShare]: 'screen',
  [Track.Source.ScreenShareAudio]: 'screenSound',
}
const trackSourceOf: Record<Source, Track.Source> = {
  microphone: Track.Source.Microphone, camera: Track.Source.Camera, screen: Track.Source.ScreenShare, screenSound: Track.Source.ScreenShareAudio,
}

export interface RoomOptions {
  generation: number
  url: string
  token: string
  local: LocalMedia
  events: LinkEvents
}

/** The way through the server: the room of the call's name, over livekit-client, with the tracks that the call has anyway. */
export class RoomLink implements Link {
  readonly kind = 'room'
  generation: number
  feeds: Feed[] = []
  reached: Reached[] = []

  #o: RoomOptions
  #client: Room
  #published = new Map<Source, { local: LocalAudioTrack | LocalVideoTrack; track: MediaStreamTrack; publication?: LocalTrackPublication }>()
  #publishing = Promise.resolve()
  #stops = new Map<MediaStreamTrack, () => void>()
  #pipes = new RoomPipes(async (peer, message) => {
    if (!this.open) throw new Error('the room is not connected')
    await this.#client.localParticipant.publishData(message, { reliable: true, topic: pipeTopic, destinationIdentities: [peer] })
  }, () => this.#look())
  #closed = false

  constructor(options: RoomOptions) {
    this.#o = options
    this.generation = options.generation
    // Tracks that are not shown yet must come all the same: they are shown once their first frame is there.
    this.#client = new Room({ adaptiveStream: false, dynacast: true, disconnectOnPageLeave: false, publishDefaults: { videoCodec: publishCodec() } })
    this.#hear()
    void this.#start()
  }

  get open(): boolean {
    return this.#client.state === 'connected'
  }

  get pipes() {
    return this.#pipes.list
  }

  async #start() {
    try {
      await this.#client.connect(this.#o.url, this.#o.token)
    } catch {
      if (!this.#closed) this.#o.events.failed()
      return
    }
    if (this.#closed) {
      void this.#client.disconnect(false)
      return
    }
    this.#look()
    this.follow()
  }

  #hear() {
    const look = () => this.#look()
    this.#client
      .on(RoomEvent.ParticipantConnected, look)
      .on(RoomEvent.ParticipantDisconnected, (p) => this.#left(p))
      .on(RoomEvent.ParticipantNameChanged, look)
      .on(RoomEvent.TrackSubscribed, (track, publication, p) => this.#arrives(track, publication, p))
      .on(RoomEvent.TrackUnsubscribed, (track) => this.#ends(track))
      .on(RoomEvent.TrackMuted, look)
      .on(RoomEvent.TrackUnmuted, look)
      .on(RoomEvent.ActiveSpeakersChanged, look)
      .on(RoomEvent.ConnectionQualityChanged, look)
      .on(RoomEvent.Reconnected, look)
      .on(RoomEvent.DataReceived, (payload, p, _kind, topic) => {
        if (!p) return
        const bytes = payload as Uint8Array<ArrayBuffer>
        if (topic === chatTopic) this.#o.events.told(p.identity, p.name || p.identity, bytes)
        else if (topic === pipeTopic) this.#pipes.take(p.identity, bytes)
      })
      .on(RoomEvent.Disconnected, (reason) => {
        if (this.#closed || reason === DisconnectReason.CLIENT_INITIATED) return
        this.#o.events.failed()
      })
  }

  #arrives(track: RemoteTrack, publication: RemoteTrackPublication, p: RemoteParticipant) {
    const media = track.mediaStreamTrack
    const source = sourceOf[publication.source] ?? (track.kind === Track.Kind.Audio ? 'microphone' : 'camera')
    const receiver = track.receiver
    if (receiver && 'jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0
    const feed: Feed = { member: p.identity, source, track: media, picture: new TrackPicture(media), live: false }
    this.feeds = [...this.feeds.filter((f) => f.member !== p.identity || f.source !== source), feed]
    this.#stops.get(media)?.()
    this.#stops.set(media, whenLive(media, () => {
      feed.live = true
      this.#o.events.changed()
    }))
    this.#qualities()
    this.#look()
  }

  #ends(track: RemoteTrack) {
    const media = track.mediaStreamTrack
    this.#stops.get(media)?.()
    this.#stops.delete(media)
    this.feeds = this.feeds.filter((f) => f.track !== media)
    this.#o.events.changed()
  }

  #left(p: RemoteParticipant) {
    this.feeds = this.feeds.filter((f) => f.member !== p.identity)
    this.#pipes.end(p.identity)
    this.#look()
  }

  /** The more pictures there are, the smaller each one is asked for. */
  #qualities() {
    const pictures = this.feeds.filter((f) => f.track.kind === 'video').length
    const quality = pictures <= 3 ? VideoQuality.HIGH : pictures <= 8 ? VideoQuality.MEDIUM : VideoQuality.LOW
    for (const p of this.#client.remoteParticipants.values()) {
      for (const publication of p.videoTrackPublications.values()) {
        if (publication.source !== Track.Source.ScreenShare) publication.setVideoQuality(quality)
      }
    }
  }

  #look() {
    if (this.#closed) return
    this.reached = [...this.#client.remoteParticipants.values()].map((p) => {
      this.#pipes.to(p.identity)
      return {
        id: p.identity,
        name: p.name || p.identity,
        microphone: [...p.audioTrackPublications.values()].some((pub) => pub.source !== Track.Source.ScreenShareAudio && !pub.isMuted),
        camera: [...p.videoTrackPublications.values()].some((pub) => pub.source !== Track.Source.ScreenShare && !pub.isMuted),
        speaking: p.isSpeaking,
        weak: p.connectionQuality === ConnectionQuality.Poor || p.connectionQuality === ConnectionQuality.Lost,
      }
    })
    this.#o.events.changed()
  }

  // --- what is sent

  follow() {
    if (this.#closed || !this.open) return
    this.#publishing = this.#publishing.then(() => this.#publish()).catch(() => {})
  }

  async #publish() {
    const { local } = this.#o
    const wanted: Record<Source, MediaStreamTrack | undefined> = {
      microphone: local.microphone, camera: local.camera, screen: local.screen, screenSound: local.screenSound,
    }
    // All at once, as each waits for the server.
    await Promise.all(sources.map((source) => this.#publishOne(source, wanted[source]).catch(() => {})))
    const on: Partial<Record<Source, boolean>> = { microphone: local.microphoneOn, camera: local.cameraOn }
    for (const [source, { publication }] of this.#published) {
      if (!publication || on[source] === undefined || publication.isMuted === !on[source]) continue
      await (on[source] ? publication.unmute() : publication.mute())
    }
  }

  async #publishOne(source: Source, track: MediaStreamTrack | undefined) {
    if (this.#closed) return
    const before = this.#published.get(source)
    if (!track) {
      if (!before) return
      if (source === 'microphone' || source === 'camera') {
        await before.publication?.mute()
        return
      }
      this.#published.delete(source)
      await this.#client.localParticipant.unpublishTrack(before.local, false)
      return
    }
    if (before) {
      if (before.track === track) return
      before.track = track
      await before.local.replaceTrack(track, { userProvidedTrack: true })
      return
    }
    const local = track.kind === 'video' ? new LocalVideoTrack(track, undefined, true) : new LocalAudioTrack(track, undefined, true)
    const entry: { local: LocalAudioTrack | LocalVideoTrack; track: MediaStreamTrack; publication?: LocalTrackPublication } = { local, track }
    this.#published.set(source, entry)
    try {
      entry.publication = await this.#client.localParticipant.publishTrack(local, {
        source: trackSourceOf[source], stopMicTrackOnMute: false, ...(source === 'screenSound' ? { dtx: false, forceStereo: true } : {}),
      })
    } catch (error) {
      this.#published.delete(source)
      throw error
    }
  }

  reaches(member: string): boolean {
    return this.open && this.#client.remoteParticipants.has(member)
  }

  tell(member: string, data: Uint8Array<ArrayBuffer>): boolean {
    if (!this.reaches(member)) return false
    this.#client.localParticipant
      .publishData(data, { reliable: true, topic: chatTopic, destinationIdentities: [member] })
      .catch(() => {})
    return true
  }

  reports() {
    return reportsOf(this.#client)
  }

  close() {
    if (this.#closed) return
    this.#closed = true
    for (const stop of this.#stops.values()) stop()
    this.#pipes.close()
    // The tracks are the call's and go on.
    void this.#client.disconnect(false)
    this.feeds = []
    this.reached = []
  }
}
