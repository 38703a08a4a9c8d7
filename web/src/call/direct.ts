import type { LocalMedia } from '../media/localmedia'
import { ChannelPipe } from './datapipe'
import { TrackPicture, whenLive, type Feed, type Link, type LinkEvents, type Reached } from './link'
import type { Description, Source } from './protocol'
import { sources } from './protocol'
import { fingerprintsOf, sharedSections, wishSound } from './sdp'

export interface DirectEvents extends LinkEvents {
  send(signal: { description: Description } | { candidate: RTCIceCandidateInit | null }): void
  /** False while signals cannot reach the other, so that waiting for them is nobody's fault. */
  signalling(): boolean
}

export interface DirectOptions {
  generation: number
  peer: { id: string; name: string }
  polite: boolean
  iceServers: RTCIceServer[]
  local: LocalMedia
  events: DirectEvents
}

/** How long the first connection may take, and a broken one to come back, in ms. */
const connectLimit = 12_000
const restartLimit = 15_000
/** How long a connection may be silent before it is started anew, in ms. */
const disconnectedFor = 2000
/** How long the polite one waits for the other's first offer before it makes one itself, in ms. */
const offerLimit = 3000
const maxEarly = 64
const lookEvery = 1000
const listenEvery = 200

/** Both sides open both channels by number, so that neither waits for the other to announce them. */
const chatChannel = { negotiated: true, id: 0 } as const
const filesChannel = { negotiated: true, id: 1 } as const

/**
 * Cameras go out as H.264, which most computers and phones have in hardware and the server's room takes as it is; a browser without it
 * (Firefox without its plug-in) gets VP8. Screens go out as VP9, which keeps text sharp at a third of the bits.
 */
const preferred: Record<'camera' | 'screen', string[]> = {
  camera: ['video/h264', 'video/vp8', 'video/vp9', 'video/av1'],
  screen: ['video/vp9', 'video/h264', 'video/vp8', 'video/av1'],
}

/** What is sent at most, in bit/s, where the person has not chosen. */
const bitrates: Record<number, number> = { 360: 800_000, 540: 1_400_000, 720: 2_500_000, 1080: 4_500_000 }
const screenBitrate = 5_000_000
const speechBitrate = 48_000
const sharedSoundBitrate = 128_000

/**
 * The connection from one to the other: W3C perfect negotiation. The impolite one's first offer has a section for every source, and both send
 * theirs in it. Sections of both sides' own would be simpler, but Firefox and Chromium number codecs and header extensions unlike
 * each other, and Chromium refuses a bundle in which a number has two meanings; in the sections of one offer the numbers are that offer's.
 * It starts ICE anew when the network changes or the connection falls silent, and says `failed` when there is no way.
 */
export class DirectLink implements Link {
  readonly kind = 'direct'
  generation: number
  feeds: Feed[] = []
  reached: Reached[]
  readonly pipes: ChannelPipe[]
  /** Through a TURN relay; known once connected. */
  relayed: boolean | undefined
  /** The fingerprints of both sides' certificates; known once both descriptions are. */
  fingerprints: string[] | undefined

  #o: DirectOptions
  #pc: RTCPeerConnection
  #chat: RTCDataChannel
  #makingOffer = false
  #ignoringOffer = false
  /** Candidates that came before the description that they belong to. */
  #early: RTCIceCandidateInit[] = []
  #waitedLong = false
  #settingAnswer = false
  #signals: Promise<void> = Promise.resolve()
  #senders = new Map<Source, { transceiver: RTCRtpTransceiver; track: MediaStreamTrack | undefined }>()
  #stream = new MediaStream()
  #screenStream = new MediaStream()
  #sources: Record<string, Source> = {}
  #stops = new Map<MediaStreamTrack, () => void>()
  #timers: ReturnType<typeof setInterval>[] = []
  #deadline: ReturnType<typeof setTimeout> | undefined
  #silent: ReturnType<typeof setTimeout> | undefined
  #own: ReturnType<typeof setTimeout>
  #everConnected = false
  #closed = false

  constructor(options: DirectOptions) {
    this.#o = options
    this.generation = options.generation
    this.reached = [{ ...options.peer, speaking: false, weak: false }]
    const pc = new RTCPeerConnection({ iceServers: options.iceServers, bundlePolicy: 'max-bundle' })
    this.#pc = pc
    this.#chat = pc.createDataChannel('chat', chatChannel)
    this.#chat.binaryType = 'arraybuffer'
    this.#chat.onopen = () => options.events.changed()
    this.#chat.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) options.events.told(options.peer.id, options.peer.name, new Uint8Array(data))
    }
    this.pipes = [new ChannelPipe(options.peer.id, pc.createDataChannel('files', filesChannel))]
    pc.onnegotiationneeded = () => void this.#offer()
    pc.onicecandidate = ({ candidate }) => options.events.send({ candidate: candidate?.toJSON() ?? null })
    pc.ontrack = ({ track, transceiver }) => this.#arrives(track, transceiver)
    pc.oniceconnectionstatechange = () => this.#iceChanged()
    pc.onconnectionstatechange = () => this.#connectionChanged()
    if (!options.polite) this.#offerSections()
    this.follow()
    this.#await(connectLimit)
    this.#own = setTimeout(() => {
      this.#waitedLong = true
      if (pc.remoteDescription) return
      this.#offerSections()
      this.follow()
      void this.#offer()
    }, offerLimit)
    this.#timers.push(setInterval(() => void this.#look(), lookEvery), setInterval(() => this.#listen(), listenEvery))
  }

  get open(): boolean {
    return this.#pc.connectionState === 'connected'
  }

  /** Whether a connection was there and is broken now. */
  get broken(): boolean {
    return this.#everConnected && !this.#closed && this.#pc.connectionState !== 'connected'
  }

  // --- what is sent

  follow() {
    if (this.#closed) return
    const { local } = this.#o
    const now: Record<Source, MediaStreamTrack | undefined> = {
      microphone: local.microphone, camera: local.cameraOn ? local.camera : undefined, screen: local.screen, screenSound: local.screenSound,
    }
    for (const source of sources) {
      const track = now[source]
      const sender = this.#senders.get(source) ?? (track && this.#pc.remoteDescription ? this.#section(source) : undefined)
      if (!sender) continue
      if (sender.track !== track) {
        sender.track = track
        void sender.transceiver.sender.replaceTrack(track ?? null).then(() => this.#tune(source), () => {})
      } else {
        void this.#tune(source)
      }
    }
  }

  /** All are there from the start, so that turning on a microphone or sharing a screen later needs no negotiation. */
  #offerSections() {
    for (const source of sources) if (!this.#senders.has(source)) this.#section(source)
  }

  /** A new section for a source. */
  #section(source: Source) {
    const video = source === 'camera' || source === 'screen'
    return this.#sendIn(source, this.#pc.addTransceiver(video ? 'video' : 'audio', { direction: 'sendrecv', streams: [this.#streamOf(source)] }))
  }

  #sendIn(source: Source, transceiver: RTCRtpTransceiver) {
    if (source === 'camera' || source === 'screen') preferCodecs(transceiver, preferred[source])
    const sender = { transceiver, track: undefined as MediaStreamTrack | undefined }
    this.#senders.set(source, sender)
    return sender
  }

  /** Sends in the sections that the other has offered for both, in place of ones that were never negotiated. */
  #share(sdp: string) {
    const shared = sharedSections(sdp)
    for (const transceiver of this.#pc.getTransceivers()) {
      const source = transceiver.mid !== null && shared.has(transceiver.mid) ? this.#sources[transceiver.mid] : undefined
      const own = source && this.#senders.get(source)?.transceiver
      if (!source || own === transceiver || (own && own.mid !== null)) continue
      own?.stop()
      transceiver.direction = 'sendrecv'
      transceiver.sender.setStreams?.(this.#streamOf(source))
      this.#sendIn(source, transceiver)
    }
    this.follow()
  }

  #streamOf(source: Source) {
    return source === 'screen' || source === 'screenSound' ? this.#screenStream : this.#stream
  }

  /** Sets how much of a track is sent. */
  async #tune(source: Source) {
    const sender = this.#senders.get(source)
    if (!sender?.track || this.#closed) return
    const { quality } = this.#o.local
    const parameters = sender.transceiver.sender.getParameters() as RTCRtpSendParameters & { degradationPreference?: string }
    const encoding = parameters.encodings[0]
    if (!encoding) return
    switch (source) {
      case 'camera': {
        const { width = 0, height = 0 } = sender.track.getSettings()
        encoding.maxBitrate = quality.bitrate || bitrates[quality.height] || bitrates[720]!
        encoding.scaleResolutionDownBy = Math.max(1, Math.min(width, height) / quality.height)
        parameters.degradationPreference = 'balanced'
        break
      }
      case 'screen':
        if (sender.track.contentHint === '') sender.track.contentHint = 'detail'
        encoding.maxBitrate = screenBitrate
        parameters.degradationPreference = 'maintain-resolution'
        break
      case 'microphone':
        encoding.maxBitrate = speechBitrate
        encoding.networkPriority = encoding.priority = 'high'
        break
      case 'screenSound':
        if (sender.track.contentHint === '') sender.track.contentHint = 'music'
        encoding.maxBitrate = sharedSoundBitrate
    }
    // A browser that refuses goes on with what it takes by itself.
    await sender.transceiver.sender.setParameters(parameters).catch(() => {})
  }

  // --- negotiation (W3C WebRTC, 10.7)

  async #offer() {
    // At the start both want to offer. One offer is one round less than two that cross, and loses no candidates.
    if (this.#o.polite && !this.#pc.remoteDescription && !this.#waitedLong) return
    try {
      this.#makingOffer = true
      await this.#pc.setLocalDescription()
      this.#describe()
    } catch {
      // A state in which no offer is due; the next change asks again.
    } finally {
      this.#makingOffer = false
    }
  }

  #describe() {
    const description = this.#pc.localDescription
    if (!description || this.#closed) return
    const mine: Record<string, Source> = {}
    for (const [source, { transceiver }] of this.#senders) if (transceiver.mid !== null) mine[transceiver.mid] = source
    const shared = Object.entries({ ...this.#sources, ...mine }).filter(([, source]) => source === 'screenSound').map(([mid]) => mid)
    this.#o.events.send({
      description: { type: description.type as 'offer' | 'answer', sdp: wishSound(description.sdp, new Set(shared)), sources: mine },
    })
    this.#name()
  }

  /** Takes a signal of the other, one after the other. */
  signal(signal: { description?: Description; candidate?: RTCIceCandidateInit | null }) {
    this.#signals = this.#signals.then(() => this.#take(signal)).catch(() => {})
  }

  async #take({ description, candidate }: { description?: Description; candidate?: RTCIceCandidateInit | null }) {
    if (this.#closed) return
    const pc = this.#pc
    if (description) {
      const stable = pc.signalingState === 'stable' || (pc.signalingState === 'have-local-offer' && this.#settingAnswer)
      this.#ignoringOffer = !this.#o.polite && description.type === 'offer' && (this.#makingOffer || !stable)
      if (this.#ignoringOffer) return
      this.#sources = sourcesIn(description)
      this.#settingAnswer = description.type === 'answer'
      try {
        await pc.setRemoteDescription({ type: description.type, sdp: description.sdp })
      } finally {
        this.#settingAnswer = false
      }
      for (const early of this.#early.splice(0)) await pc.addIceCandidate(early).catch(() => {})
      if (description.type === 'offer') {
        this.#share(description.sdp)
        await pc.setLocalDescription()
        this.#describe()
      }
      this.#name()
    } else if (candidate && (this.#ignoringOffer || !pc.remoteDescription)) {
      // It may belong to the description that comes next.
      if (this.#early.length < maxEarly) this.#early.push(candidate)
    } else if (candidate !== undefined) {
      // One that fits no description any more is of no use, and does no harm.
      await pc.addIceCandidate(candidate ?? undefined).catch(() => {})
    }
  }

  #name() {
    const { localDescription, remoteDescription } = this.#pc
    if (!localDescription || !remoteDescription || this.fingerprints) return
    const [ours, theirs] = [fingerprintsOf(localDescription.sdp), fingerprintsOf(remoteDescription.sdp)]
    if (ours.length === 0 || theirs.length === 0) return
    this.fingerprints = [ours.join(' '), theirs.join(' ')]
    this.#o.events.changed()
  }

  // --- what comes

  #arrives(track: MediaStreamTrack, transceiver: RTCRtpTransceiver) {
    const source = this.#sources[transceiver.mid ?? ''] ?? (track.kind === 'audio' ? 'microphone' : 'camera')
    const { receiver } = transceiver
    // Nothing is shared yet in these.
    if ((source === 'screen' || source === 'screenSound') && track.muted) {
      track.addEventListener('unmute', () => !this.#closed && this.#arrives(track, transceiver), { once: true })
      return
    }
    // As little delay as the network allows. The page would rather lose a frame than speak over each other.
    if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0
    else if ('playoutDelayHint' in (receiver as object)) (receiver as { playoutDelayHint: number }).playoutDelayHint = 0
    const feed: Feed = { member: this.#o.peer.id, source, track, picture: new TrackPicture(track), live: false }
    this.feeds = [...this.feeds.filter((f) => f.source !== source), feed]
    this.#stops.get(track)?.()
    this.#stops.set(track, whenLive(track, () => {
      feed.live = true
      this.#o.events.changed()
    }))
    this.#o.events.changed()
  }

  #listen() {
    const microphone = this.feeds.find((f) => f.source === 'microphone')
    if (!microphone) return
    const receiver = this.#pc.getReceivers().find((r) => r.track === microphone.track)
    const [synchronization] = receiver?.getSynchronizationSources?.() ?? []
    const fresh = synchronization !== undefined && performance.timeOrigin + performance.now() - synchronization.timestamp < 1000
    this.#tellPeer({ speaking: fresh && (synchronization.audioLevel ?? 0) > 0.01 })
  }

  #tellPeer(change: Partial<Reached>) {
    const [peer] = this.reached
    if (Object.entries(change).every(([key, value]) => peer![key as keyof Reached] === value)) return
    this.reached = [{ ...peer!, ...change }]
    this.#o.events.changed()
  }

  async #look() {
    if (!this.open) return
    const report = await this.#pc.getStats().catch(() => undefined)
    if (!report || this.#closed) return
    const relayed = relayedIn(report)
    if (relayed !== undefined && relayed !== this.relayed) {
      this.relayed = relayed
      this.#o.events.changed()
    }
    let [lost, got] = [0, 0]
    for (const r of report.values()) {
      if (r.type !== 'inbound-rtp') continue
      lost += Math.max(0, r.packetsLost ?? 0)
      got += r.packetsReceived ?? 0
    }
    const newLost = Math.max(0, lost - this.#lost)
    const share = newLost / Math.max(1, newLost + got - this.#got)
    ;[this.#lost, this.#got] = [lost, got]
    this.#badSeconds = share > 0.05 ? Math.min(5, this.#badSeconds + 1) : Math.max(0, this.#badSeconds - 1)
    this.#tellPeer({ weak: this.#badSeconds >= 3 })
  }
  #lost = 0
  #got = 0
  #badSeconds = 0

  // --- staying connected

  /** The network has changed: find a new way before the old one is missed. */
  restart() {
    if (this.#closed || !this.#everConnected) return
    this.#pc.restartIce()
    this.#await(restartLimit)
  }

  /** Fresh credentials for relays, used by the next gathering. */
  useServers(iceServers: RTCIceServer[]) {
    this.#o.iceServers = iceServers
    try {
      this.#pc.setConfiguration({ ...this.#pc.getConfiguration(), iceServers })
    } catch {
      // The connection goes on with the old ones.
    }
  }

  #iceChanged() {
    clearTimeout(this.#silent)
    switch (this.#pc.iceConnectionState) {
      case 'disconnected':
        this.#silent = setTimeout(() => this.restart(), disconnectedFor)
        break
      case 'failed':
        if (this.#everConnected) this.restart()
        break
      case 'connected':
      case 'completed':
        clearTimeout(this.#deadline)
        this.#deadline = undefined
    }
    this.#o.events.changed()
  }

  #connectionChanged() {
    if (this.#pc.connectionState === 'connected') {
      this.#everConnected = true
      void this.#look()
    }
    this.#o.events.changed()
  }

  /** Gives up unless the connection is there in time. */
  #await(limit: number) {
    if (this.#deadline !== undefined) return
    this.#deadline = setTimeout(() => {
      this.#deadline = undefined
      if (this.#closed || (this.open && this.#pc.iceConnectionState !== 'disconnected')) return
      if (this.#o.events.signalling()) this.#o.events.failed()
      else this.#await(limit)
    }, limit)
  }

  reaches(member: string): boolean {
    return member === this.#o.peer.id && this.#chat.readyState === 'open'
  }

  tell(member: string, data: Uint8Array<ArrayBuffer>): boolean {
    if (!this.reaches(member)) return false
    this.#chat.send(data)
    return true
  }

  async reports() {
    return this.#closed ? [] : [{ connection: 'direct', report: await this.#pc.getStats() }]
  }

  /** Which source one of this connection's sections carries. */
  sourceOf(mid: string): Source | undefined {
    for (const [source, { transceiver }] of this.#senders) if (transceiver.mid === mid) return source
    return this.#sources[mid]
  }

  close() {
    if (this.#closed) return
    this.#closed = true
    for (const timer of this.#timers) clearInterval(timer)
    clearTimeout(this.#deadline)
    clearTimeout(this.#silent)
    clearTimeout(this.#own)
    for (const stop of this.#stops.values()) stop()
    for (const pipe of this.pipes) pipe.close()
    this.#pc.close()
    this.feeds = []
    this.reached = []
  }
}

/** The sources that a description names, as far as they are ones that we know. */
function sourcesIn(description: Description): Record<string, Source> {
  const named = typeof description.sources === 'object' && description.sources !== null ? Object.entries(description.sources) : []
  return Object.fromEntries(named.filter(([, source]) => (sources as readonly string[]).includes(source)))
}

function preferCodecs(transceiver: RTCRtpTransceiver, order: string[]) {
  const all = RTCRtpReceiver.getCapabilities?.('video')?.codecs
  if (!all || !transceiver.setCodecPreferences) return
  const rank = (mimeType: string) => {
    const at = order.indexOf(mimeType.toLowerCase())
    return at < 0 ? order.length : at
  }
  try {
    transceiver.setCodecPreferences(all.toSorted((a, b) => rank(a.mimeType) - rank(b.mimeType)))
  } catch {
    // The browser's own order works too.
  }
}

/** Whether the chosen pair of candidates goes through a relay; undefined while there is none. */
export function relayedIn(report: RTCStatsReport): boolean | undefined {
  const all = [...report.values()]
  const chosen = all.find((r) => r.type === 'transport' && r.selectedCandidatePairId)?.selectedCandidatePairId
  // Firefox names no transport; its pair is marked.
  const pair = chosen ? report.get(chosen) : all.find((r) => r.type === 'candidate-pair' && (r.selected || (r.nominated && r.state === 'succeeded')))
  if (!pair) return undefined
  return [pair.localCandidateId, pair.remoteCandidateId].some((id) => report.get(id)?.candidateType === 'relay')
}
