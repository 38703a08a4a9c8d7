/** The messages of docs/call-protocol.md as the page reads and writes them. */

export interface State {
  microphone: boolean
  camera: boolean
  screen: boolean
  /** They record the call; absent from those who do not say. */
  recording?: boolean
}

/** Whether somebody sends nothing, as everybody does who has just come in. */
export function silent({ microphone, camera, screen }: State): boolean {
  return !microphone && !camera && !screen
}

export interface WireMember {
  id: string
  name: string
  present: boolean
  role: 'host' | 'guest'
  state: State
}

export interface WireVisitor {
  id: string
  name: string
  ringing: boolean
}

export type Path =
  | { kind: 'alone' }
  | { kind: 'direct'; generation: number; peer: string; polite: boolean }
  | { kind: 'room'; generation: number; reason: RoomReason; url: string; token: string }

export type RoomReason = 'people' | 'no_path' | 'wish' | 'outside'

/** What a media section carries. */
export const sources = ['microphone', 'camera', 'screen', 'screenSound'] as const
export type Source = (typeof sources)[number]

export interface Description {
  type: 'offer' | 'answer'
  sdp: string
  sources: Record<string, Source>
}

export interface Credentials {
  name: string
  key: string
  /** A secret of this browser: the same one takes the place of an older connection. */
  identity: string
}

export type ErrorCode =
  | 'malformed' | 'too_large' | 'rate_limited' | 'bad_name' | 'unauthorized' | 'forbidden' | 'expired' | 'unknown' | 'full'
  | 'replaced' | 'not_allowed' | 'no_room' | 'unavailable'

export interface Joined {
  type: 'joined'
  session: string
  you: string
  name: string
  room: string
  title: string
  role: 'host' | 'guest'
  resumeWithin: number
  iceServers: RTCIceServer[]
  members: WireMember[]
  visitors: WireVisitor[]
  path: Path
}

export interface Visiting {
  type: 'visiting'
  session: string
  resumeWithin: number
  you: string
  role: 'host' | 'guest'
  room: string
  title: string
  members: WireMember[]
}

export interface Resumed {
  type: 'resumed'
  seq: number
  you: string
  name: string
  room: string
  title: string
  role: 'host' | 'guest'
  iceServers: RTCIceServer[]
  members: WireMember[]
  visitors: WireVisitor[]
  /** There for members, not for visitors. */
  path?: Path
}

export type Incoming =
  | Joined
  | Visiting
  | Resumed
  | { type: 'member'; member: WireMember }
  | { type: 'gone'; id: string; reason: 'left' | 'lost' | 'replaced' | 'removed' }
  | { type: 'visitor'; visitor: WireVisitor }
  | { type: 'visitorGone'; id: string; reason: 'accepted' | 'declined' | 'missed' | 'left'; text?: string }
  | { type: 'ring'; from: string; name: string }
  | { type: 'ringEnd'; reason: 'left' | 'missed' }
  | { type: 'path'; path: Path }
  | { type: 'arrived'; from: string; generation: number }
  | { type: 'signal'; from: string; generation: number; description?: Description; candidate?: RTCIceCandidateInit | null }
  | { type: 'ice'; iceServers: RTCIceServer[] }
  | { type: 'ack'; seq: number }
  | { type: 'ping' }
  | { type: 'pong' }
  | { type: 'error'; code: ErrorCode; message: string; of?: string }

/** What is numbered on its way to the server. */
export type Outgoing =
  | { type: 'state'; state: State }
  | { type: 'ring'; to: string }
  | { type: 'accept'; name: string; room: boolean }
  | { type: 'decline'; name?: string; text?: string }
  | { type: 'arrived'; generation: number }
  | { type: 'viaRoom'; generation: number; reason: 'no_path' | 'wish' }
  | { type: 'viaDirect' }
  | { type: 'signal'; to: string; generation: number; description: Description }
  | { type: 'signal'; to: string; generation: number; candidate: RTCIceCandidateInit | null }

/** What to each type must be there for the page to read it; everything else that a message may hold is looked at where it is used. */
const needed: Record<Incoming['type'], Record<string, 'string' | 'number' | 'object' | 'array'>> = {
  joined: { session: 'string', you: 'string', members: 'array', visitors: 'array', iceServers: 'array', path: 'object' },
  visiting: { session: 'string', you: 'string', members: 'array' },
  resumed: { seq: 'number', members: 'array', visitors: 'array', iceServers: 'array' },
  member: { member: 'object' },
  gone: { id: 'string', reason: 'string' },
  visitor: { visitor: 'object' },
  visitorGone: { id: 'string', reason: 'string' },
  ring: { from: 'string' },
  ringEnd: { reason: 'string' },
  path: { path: 'object' },
  arrived: { from: 'string', generation: 'number' },
  signal: { from: 'string', generation: 'number' },
  ice: { iceServers: 'array' },
  ack: { seq: 'number' },
  ping: {},
  pong: {},
  error: { code: 'string' },
}

/** Go writes an empty list as null, and leaves out what is empty. */
const lists = ['members', 'visitors', 'iceServers']

/** Reads a message from the server; undefined when it is none that this page knows. */
export function parseMessage(text: string): (Incoming & { seq?: number }) | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const message = value as Record<string, unknown>
  const shape = Object.hasOwn(needed, String(message.type)) ? needed[message.type as Incoming['type']] : undefined
  if (!shape) return undefined
  for (const key of lists) if (key in shape) message[key] ??= []
  for (const [key, kind] of Object.entries(shape)) {
    const given = message[key]
    const fits = kind === 'array' ? Array.isArray(given) : kind === 'object' ? typeof given === 'object' && given !== null : typeof given === kind
    if (!fits) return undefined
  }
  return message as unknown as Incoming & { seq?: number }
}

/** The address of a call's door. */
export function callUrl(origin: string, room: string): string {
  return `${origin.replace(/^http/, 'ws')}/call/${encodeURIComponent(room)}`
}
