import { request, type Credential } from '../api/client'

export interface RecordedFile {
  name: string
  startedAt: string
  duration: number
  bytes: number
  width?: number
  height?: number
  finished: boolean
  url: string
}

export interface Recording {
  id: string
  title: string
  state: 'recording' | 'finishing' | 'done' | 'failed'
  startedAt: string
  duration: number
  bytes: number
  published: boolean
  error?: string
  /** Its way into a bucket, where there is one. */
  upload?: { state: 'waiting' | 'uploading' | 'retrying' | 'failed' | 'stored'; bytes: number; error?: 'unreachable' | 'denied' | 'no_bucket' | 'refused' | 'missing' }
  files: RecordedFile[]
  /** A playlist of all that is finished. */
  play?: string
  /** A picture of it. */
  picture?: string
}

export interface RecordSettings {
  always?: boolean
  publish: boolean
  keep: number
}

/** Why another server is not reached, or not any more. `code` is RTMP's own name for a refusal, or HTTP's number. */
export interface Trouble {
  reason?: 'address' | 'unreachable' | 'refused' | 'bframes' | 'operators' | 'drm' | 'format' | 'silent' | 'ended' | 'broken'
  code?: string
}

export interface Target extends Trouble {
  id: string
  name: string
  address: string
  enabled: boolean
  /** An operator chose it. */
  operator?: boolean
  state: 'idle' | 'connecting' | 'live' | 'waiting'
  bytes?: number
}

export type Conflict = 'together' | 'refuse' | 'replace' | 'standby'

export interface StreamKey {
  id: string
  name: string
  hint: string
  /** Only when it was just made. */
  secret?: string
  backup: boolean
  allow: string[]
  expiresAt?: string
  expired?: boolean
}

export interface Encoder {
  identity: string
  name: string
  protocol: string
  key?: string
  backup: boolean
  state: 'shown' | 'waits'
  silent: number
}

/** What becomes of a show while nobody publishes. */
export type Absence = 'hold' | 'slate' | 'end'

/** An encoder that was not let in, or was sent away for what it sent. */
export interface TurnedAway {
  at: string
  times: number
  protocol: string
  code: string
  reason: string
}

export interface Ingest {
  conflict: Conflict
  absence: Absence
  /** Seconds for which the room waits for its publisher, 0 for as long as the server does. */
  wait: number
  /** Whether the room has a slate of its own. */
  slate: boolean
  turnedAway: TurnedAway[]
  allow: string[]
  keys: StreamKey[]
  encoders: Encoder[]
}

/** Where a room's stream is fetched from. */
export interface Source extends Trouble {
  id: string
  name: string
  address: string
  mode: 'always' | 'demand'
  backup: boolean
  enabled: boolean
  /** An operator chose it. */
  operator?: boolean
  state: 'idle' | 'connecting' | 'live' | 'waiting'
}

/** Who chose a target or a source decides who changes it. */
export const mayChange = (of: { operator?: boolean }, credential: Credential): boolean => !of.operator || 'operator' in credential

const at = (room: string, rest: string) => `/api/rooms/${encodeURIComponent(room)}${rest}`

/** What a room's shows are recorded to and sent to. */
export const broadcast = {
  recordings: (room: string, credential: Credential) =>
    request<{ recordings: Recording[] }>('GET', at(room, '/recordings'), { credential }),

  record: (room: string, credential: Credential) => request<Recording>('POST', at(room, '/recordings'), { body: {}, credential }),

  stop: (room: string, id: string, credential: Credential) => request<Recording>('POST', at(room, `/recordings/${id}/stop`), { credential }),

  publish: (room: string, id: string, published: boolean, credential: Credential) =>
    request<Recording>('PATCH', at(room, `/recordings/${id}`), { body: { published }, credential }),

  discard: (room: string, id: string, credential: Credential) => request<void>('DELETE', at(room, `/recordings/${id}`), { credential }),

  settings: (room: string, credential: Credential) => request<RecordSettings>('GET', at(room, '/recording'), { credential }),

  set: (room: string, settings: RecordSettings, credential: Credential) =>
    request<RecordSettings>('PUT', at(room, '/recording'), { body: settings, credential }),

  ingest: (room: string, credential: Credential) => request<Ingest>('GET', at(room, '/ingest'), { credential }),

  setIngest: (room: string, change: { conflict?: Conflict; allow?: string[]; absence?: Absence; wait?: number }, credential: Credential) =>
    request<Ingest>('PATCH', at(room, '/ingest'), { body: change, credential }),

  setSlate: (room: string, file: Blob, credential: Credential) => request<Ingest>('PUT', at(room, '/ingest/slate'), { file, credential }),

  dropSlate: (room: string, credential: Credential) => request<Ingest>('DELETE', at(room, '/ingest/slate'), { credential }),

  addKey: (room: string, key: { name: string; backup: boolean; expiresAt?: string }, credential: Credential) =>
    request<StreamKey>('POST', at(room, '/ingest/keys'), { body: key, credential }),

  rotateKey: (room: string, id: string, credential: Credential) =>
    request<StreamKey>('POST', at(room, `/ingest/keys/${encodeURIComponent(id)}/rotate`), { credential }),

  revokeKey: (room: string, id: string, credential: Credential) =>
    request<void>('DELETE', at(room, `/ingest/keys/${encodeURIComponent(id)}`), { credential }),

  sources: (room: string, credential: Credential) => request<{ sources: Source[] }>('GET', at(room, '/pull'), { credential }),

  pull: (room: string, source: { name: string; url: string; mode: Source['mode'] }, credential: Credential) =>
    request<Source>('POST', at(room, '/pull'), { body: source, credential }),

  setSource: (room: string, id: string, change: { enabled?: boolean; mode?: Source['mode'] }, credential: Credential) =>
    request<Source>('PATCH', at(room, `/pull/${id}`), { body: change, credential }),

  unpull: (room: string, id: string, credential: Credential) => request<void>('DELETE', at(room, `/pull/${id}`), { credential }),

  targets: (room: string, credential: Credential) => request<{ targets: Target[] }>('GET', at(room, '/push'), { credential }),

  push: (room: string, target: { name: string; url: string; key: string }, credential: Credential) =>
    request<Target>('POST', at(room, '/push'), { body: target, credential }),

  enable: (room: string, id: string, enabled: boolean, credential: Credential) =>
    request<Target>('PATCH', at(room, `/push/${id}`), { body: { enabled }, credential }),

  unpush: (room: string, id: string, credential: Credential) => request<void>('DELETE', at(room, `/push/${id}`), { credential }),
}
