import {
  ConnectionQuality, DisconnectReason, LocalAudioTrack, LocalVideoTrack, Room, RoomEvent, Track, VideoQuality,
  type LocalTrackPublication, type RemoteParticipant, type RemoteTrack, type RemoteTrackPublication,
} from 'livekit-client'
import type { LocalMedia } from '../media/local.svelte'
import { chatTopic } from '../room/chat'
import { Inbox } from './inbox'
import { TrackPicture, whenLive, type Feed, type Link, type LinkEvents, type Reached } from './link'
import type { Pipe } from './pipe'
import { sources, type Source } from './protocol'

const pipeTopic = 'tutti.pipe'
const pipeMessage = 14_000
/** How soon a pipe that broke while the room was connected gets a successor, in ms. */
const renewAfter = 1000
/** Chat comes in the same order as files: over 2 Mbit/s it waits for this at most 2 s. The server keeps 8 MiB for who reads slowly. */
const pipeWindow = 512 << 10

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
  pipes: RoomPipe[] = []

  #o: RoomOptions
  #client: Room
  #published = new Map<Source, { local: LocalAudioTrack | LocalVideoTrack; track: MediaStreamTrack; publication?: LocalTrackPublication }>()
  #publishing = Promise.resolve()
  #stops = new Map<MediaStreamTrack, () => void>()
  #closed = false

  constructor(options: RoomOptions) {
    this.#o = options
    this.generation = options.generation
    const h264 = RTCRtpSender.getCapabilities?.('video')?.codecs.some((c) => c.mimeType.toLowerCase() === 'video/h264')
    // Tracks that are not shown yet must come all the same: they are shown once their first frame is there.
    this.#client = new Room({ adaptiveStream: false, dynacast: true, publishDefaults: { videoCodec: h264 ? 'h264' : 'vp8' } })
    this.#hear()
    void this.#start()
  }

  get open(): boolean {
    return this.#client.state === 'connected'
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
        else if (topic === pipeTopic) this.#pipeTo(p.identity).inbox.put(bytes)
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
    const pipe = this.pipes.find((x) => x.peer === p.identity)
    this.pipes = this.pipes.filter((x) => x !== pipe)
    pipe?.close()
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
      this.#pipeTo(p.identity)
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

  #pipeTo(peer: string): RoomPipe {
    const known = this.pipes.find((pipe) => pipe.peer === peer)
    if (known) return known
    const fresh: RoomPipe = new RoomPipe(peer, async (message) => {
      try {
        if (!this.open) throw new Error('the room is not connected')
        await this.#client.localParticipant.publishData(message, { reliable: true, topic: pipeTopic, destinationIdentities: [peer] })
      } catch (error) {
        this.#broke(fresh)
        throw error
      }
    })
    this.pipes = [...this.pipes, fresh]
    return fresh
  }

  /** A message was lost, so the pipe has a gap: it ends, and another one takes its place. */
  #broke(pipe: RoomPipe) {
    this.pipes = this.pipes.filter((x) => x !== pipe)
    pipe.close()
    setTimeout(() => this.#look(), renewAfter)
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

  async reports() {
    const { pcManager } = this.#client.engine as unknown as {
      pcManager?: { publisher?: { getStats(): Promise<RTCStatsReport> }; subscriber?: { getStats(): Promise<RTCStatsReport> } }
    }
    const list: { connection: string; report: RTCStatsReport }[] = []
    for (const [connection, transport] of [['server, sending', pcManager?.publisher], ['server, receiving', pcManager?.subscriber]] as const) {
      if (transport) list.push({ connection, report: await transport.getStats() })
    }
    return list
  }

  close() {
    if (this.#closed) return
    this.#closed = true
    for (const stop of this.#stops.values()) stop()
    for (const pipe of this.pipes) pipe.close()
    // The tracks are the call's and go on.
    void this.#client.disconnect(false)
    this.feeds = []
    this.reached = []
  }
}

/** A pipe as data messages through the server, which waits for the connection to have room. */
class RoomPipe implements Pipe {
  readonly maxMessage = pipeMessage
  readonly window = pipeWindow
  onclose: Pipe['onclose']
  readonly inbox = new Inbox()
  #closed = false

  constructor(readonly peer: string, private readonly publish: (message: Uint8Array<ArrayBuffer>) => Promise<void>) {}

  get onmessage(): Pipe['onmessage'] {
    return this.inbox.reader
  }

  set onmessage(reader: Pipe['onmessage']) {
    this.inbox.reader = reader
  }

  async send(message: Uint8Array<ArrayBuffer>): Promise<void> {
    if (message.length > pipeMessage) throw new RangeError(`a message of ${message.length} bytes is too large`)
    if (this.#closed) throw new Error('the pipe is closed')
    await this.publish(message)
  }

  close() {
    if (this.#closed) return
    this.#closed = true
    this.onclose?.()
  }
}
