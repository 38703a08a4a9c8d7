/** What the server's HTTP API says; see docs for the meaning of every field. Bitrates are in bit/s. */
export interface Info {
  version: string
  dev: boolean
  features: { videoConversion: boolean; reasons: Notice[] | null }
  ports: { http: number; https: number; webrtc: number; rtmp: number }
  /** The address of the page in links that are shared, where the operator named one. */
  page?: string
  addresses: string[] | null
  rtmpHosts: string[] | null
  createRooms: 'anyone' | 'key'
  rootCertificate: string
}

export interface Notice {
  code: string
  /** A plain English sentence, shown when the page has no text of its own for the code. */
  text: string
}

export type Access = 'open' | 'link' | 'token'

export interface Keys {
  host: string
  guest: string
  watch: string
  /** The main stream key; absent where it was revoked. */
  publish?: string
}

export interface CreatedRoom {
  room: string
  title: string
  access: Access
  publicWatch: boolean
  keys: Keys
}

export interface RoomSummary {
  room: string
  exists: boolean
  title: string
  access: Access
  publicWatch: boolean
  /** The kind of room, as in docs/stage.md. */
  scene: string
  live: { on: boolean; returning?: boolean; since?: string; title?: string }
  participants: number
  /** The participants without encoders. */
  people: number
  viewers: number
}

/** A kind of room, as docs/stage.md says; of what it holds, what the page asks for. */
export interface SceneInfo {
  name: string
  title: { en: string; zh: string }
  summary: { en: string; zh: string }
  /** What a guest becomes who comes in. */
  arrivals: 'audience' | 'speaker'
  audio: 'speech' | 'music'
  /** What pictures are sent in, the best first. */
  codecs?: string[]
  features: Record<string, boolean>
}

/** Who was asked in a roll call, and when each answered. */
export interface RollCallList {
  number: number
  begun: string
  ends: string
  open: boolean
  people: { identity: string; name: string; at?: string }[]
}

/** Who was in the room from when to when, and for how many seconds in all. */
export interface Attendance {
  people: { identity: string; name: string; first: string; last: string; seconds: number; here: boolean }[]
}

export type Role = 'host' | 'guest' | 'viewer'

export interface Admission {
  token: string
  url: string
  identity: string
  role: Role
  room: string
}

export type Protocol = 'whep' | 'flv' | 'hls'

export interface LiveTrack {
  sid: string
  kind: 'audio' | 'video'
  codec: string
  width?: number
  height?: number
  fps?: number
  bitrate?: number
  shown?: boolean
}

export interface LiveSource {
  identity: string
  name: string
  kind: 'person' | 'ingest'
  tracks: LiveTrack[] | null
}

export interface LiveOn {
  on: true
  since: string
  /** The same by this computer's clock, in milliseconds since 1970, where the server's is known. */
  began?: number
  /** When the show went on after the server was restarted; players begin anew. */
  resumed?: string
  title: string
  viewers: number
  viewersByProtocol: Partial<Record<Protocol | 'rtmp', number>> | null
  peakViewers: number
  /** The track that the host chose to show; empty while the server chooses. */
  pinned?: string
  video: { codec: string; width: number; height: number; fps: number; bitrate: number } | null
  audio: { codec: string; bitrate: number } | null
  sources: LiveSource[] | null
  warnings: Notice[] | null
  /** While it is recorded. */
  recording?: { id: string; since: string }
  play: Partial<Record<Protocol, string>>
}

export interface LiveOff {
  on: false
  /** The show was interrupted by a restart of the server and may go on. */
  returning?: boolean
  title?: string
}

export type LiveStatus = LiveOn | LiveOff

export interface LiveSummary {
  /** Seconds. */
  duration: number
  peakViewers: number
}

export interface ServerStatus {
  /** Seconds. */
  uptime: number
  version: string
  /** Share of one core, 1 is a whole one. */
  cpu: number
  /** Bytes. */
  memory: number
  rooms: StatusRoom[] | null
  totals: { participants: number; viewers: number; rooms: number; bitrateOut: number }
}

export interface StatusRoom {
  /** To all viewers. */
  bitrateOut: number
  bitrateOutByProtocol?: Record<string, number>
  room: string
  title: string
  participants: number
  live: LiveStatus | null
  createdAt: string
}

export type Health = 'good' | 'fair' | 'poor'

export interface ParticipantSummary {
  sid: string
  identity: string
  name: string
  kind: 'person' | 'ingest' | 'agent' | 'recorder' | 'phone'
  hidden?: boolean
  joinedAt: string
  leftAt?: string
  leftFor?: string
  client: { door?: string; sdk?: string; version?: string; os?: string; browser?: string; device?: string }
  health?: Health
  quality?: string
  path?: 'udp' | 'tcp' | 'relay'
  /** Seconds. */
  rtt?: number
  /** What comes from the participant, and what goes to it. Loss is a share from 0 to 1. */
  in: { tracks: number; bitrate: number; loss: number }
  out: { tracks: number; bitrate: number; loss: number }
  freezes: number
  suspended: number
  limited: number
}

export interface ParticipantList {
  participants: ParticipantSummary[]
  departed: ParticipantSummary[]
}

export interface ParticipantConnection {
  name: string
  connected: boolean
  transport?: string
  candidate?: string
  remote?: string
  rtt?: number
  downlink?: { estimate: number; full: boolean; loss: number }
}

export interface ParticipantLayer {
  rid?: string
  codec: string
  width?: number
  height?: number
  fps: number
  bitrate: number
  active: boolean
  loss: number
  jitter: number
  packets: number
  lost: number
  repaired: number
  nacks: number
  plis: number
  keyframes: number
  freezes: number
  frozen: number
}

export interface ParticipantTrack {
  sid: string
  name?: string
  kind: 'audio' | 'video'
  source: string
  codec: string
  muted: boolean
  layers: ParticipantLayer[]
}

export interface ParticipantSubscription {
  sid: string
  publisher: string
  kind: 'audio' | 'video'
  source: string
  codec: string
  state: 'active' | 'limited' | 'suspended' | 'paused'
  rid?: string
  width?: number
  height?: number
  bitrate: number
  loss: number
  packets: number
  nacks: number
  repaired: number
  plis: number
}

export interface Happening {
  at: string
  what: string
  track?: string
  detail?: string
}

export interface ParticipantDetail extends ParticipantSummary {
  connections: ParticipantConnection[]
  tracks: ParticipantTrack[]
  subscriptions: ParticipantSubscription[]
  timeline: Happening[]
}
