import type { Snapshot } from '../board/wire'
import type { Program } from '../show/program'
import type {
  Access, Admission, Attendance, CreatedRoom, Info, Keys, LiveOn, LiveSummary, ParticipantDetail, ParticipantList, RollCallList, RoomSummary, SceneInfo, ServerStatus,
} from './types'

const codes = [
  'bad_request', 'bad_name', 'not_allowed', 'unauthorized', 'forbidden', 'expired', 'not_found', 'not_live', 'exists', 'full',
  'rate_limited', 'disk_full', 'unavailable', 'internal',
] as const

/** Why the server refused, or "offline" when it did not answer at all. */
export type ErrorCode = (typeof codes)[number] | 'offline'

export class ApiError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message)
    this.name = 'ApiError'
  }
}

export function codeOf(error: unknown): ErrorCode {
  return error instanceof ApiError ? error.code : 'internal'
}

function isCode(code: unknown): code is ErrorCode {
  return (codes as readonly unknown[]).includes(code)
}

function codeOfStatus(status: number): ErrorCode {
  switch (status) {
    case 400: return 'bad_request'
    case 401: return 'unauthorized'
    case 403: return 'forbidden'
    case 404: return 'not_found'
    case 409: return 'exists'
    case 429: return 'rate_limited'
    case 502:
    case 503:
    case 504: return 'unavailable'
    case 507: return 'disk_full'
    default: return 'internal'
  }
}

/** Reads the error that a refused response carries. */
export async function errorOf(response: Response): Promise<ApiError> {
  try {
    const { error } = (await response.json()) as { error?: { code?: unknown; message?: unknown } }
    const code = isCode(error?.code) ? error.code : codeOfStatus(response.status)
    return new ApiError(code, typeof error?.message === 'string' ? error.message : response.statusText)
  } catch {
    return new ApiError(codeOfStatus(response.status), response.statusText)
  }
}

/** What somebody shows to the server: the key of a link, an access token, or an operator's API key and secret. */
export type Credential = { key: string } | { token: string } | { operator: string; secret: string }

/** Headers that carry a credential. Keys go in headers, never in the query, where logs and referrers would keep them. */
export function credentialHeaders(credential: Credential): Record<string, string> {
  if ('key' in credential) return credential.key === '' ? {} : { 'X-Tutti-Key': credential.key }
  if ('token' in credential) return { Authorization: `Bearer ${credential.token}` }
  const pair = new TextEncoder().encode(`${credential.operator}:${credential.secret}`)
  return { Authorization: `Basic ${btoa(String.fromCharCode(...pair))}` }
}

const nobody: Credential = { key: '' }

/** How long an answer may take to begin, and then to end, in ms. */
const patience = { begin: 15_000, end: 60_000 }

export async function request<T>(
  method: string, path: string, { credential = nobody, body, file }: { credential?: Credential; body?: unknown; file?: Blob } = {},
): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json', ...credentialHeaders(credential) }
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  if (file) headers['Content-Type'] = file.type || 'application/octet-stream'
  const limit = new AbortController()
  const within = (ms: number) => setTimeout(() => limit.abort(), ms)
  // A file takes as long as it takes to be sent.
  let timer = file ? undefined : within(patience.begin)
  try {
    const response = await fetch(path, {
      method, headers, body: file ?? (body === undefined ? null : JSON.stringify(body)), cache: 'no-store', credentials: 'omit', signal: limit.signal,
    })
    clearTimeout(timer)
    timer = within(patience.end)
    if (!response.ok) throw await errorOf(response)
    if (response.status === 204) return undefined as T
    return (await response.json()) as T
  } catch (error) {
    throw error instanceof ApiError || error instanceof SyntaxError ? error : new ApiError('offline', 'the server does not answer')
  } finally {
    clearTimeout(timer)
  }
}

const at = (room: string, rest = '') => `/api/rooms/${encodeURIComponent(room)}${rest}`

export const api = {
  info: () => request<Info>('GET', '/api/info'),

  createRoom: (room: { name?: string; title?: string; access?: Access; publicWatch?: boolean; scene?: string }, credential: Credential) =>
    request<CreatedRoom>('POST', '/api/rooms', { body: room, credential }),

  room: (room: string, credential: Credential) => request<RoomSummary>('GET', at(room), { credential }),

  scenes: () => request<{ scenes: SceneInfo[] }>('GET', '/api/scenes'),

  scene: (name: string) => request<SceneInfo>('GET', `/api/scenes/${encodeURIComponent(name)}`),

  join: (room: string, who: { name: string; identity?: string }, credential: Credential) =>
    request<Admission>('POST', at(room, '/join'), { body: who, credential }),

  keys: (room: string, credential: Credential) => request<Keys>('GET', at(room, '/keys'), { credential }),

  live: (room: string, credential: Credential) => request<LiveOn>('GET', at(room, '/live'), { credential }),

  goLive: (room: string, live: { title?: string; show?: string }, credential: Credential) =>
    request<LiveOn>('POST', at(room, '/live'), { body: live, credential }),

  show: (room: string, trackSid: string, credential: Credential) =>
    request<void>('PATCH', at(room, '/live'), { body: { show: trackSid }, credential }),

  endLive: (room: string, credential: Credential) => request<LiveSummary>('DELETE', at(room, '/live'), { credential }),

  mute: (room: string, identity: string, sid: string, muted: boolean, credential: Credential) =>
    request<void>('POST', at(room, `/participants/${encodeURIComponent(identity)}/mute`), {
      body: { sid, muted }, credential,
    }),

  remove: (room: string, identity: string, credential: Credential) =>
    request<void>('DELETE', at(room, `/participants/${encodeURIComponent(identity)}`), { credential }),

  program: (room: string, credential: Credential) => request<Program>('GET', at(room, '/program'), { credential }),

  compose: (room: string, change: Partial<Program>, credential: Credential) =>
    request<Program>('PATCH', at(room, '/program'), { body: change, credential }),

  participants: (room: string, credential: Credential) =>
    request<ParticipantList>('GET', at(room, '/participants'), { credential }),

  participant: (room: string, identity: string, credential: Credential) =>
    request<ParticipantDetail>('GET', at(room, `/participants/${encodeURIComponent(identity)}`), { credential }),

  board: (room: string, credential: Credential) => request<Snapshot>('GET', at(room, '/board'), { credential }),

  rollcall: (room: string, credential: Credential) => request<RollCallList>('GET', at(room, '/rollcall'), { credential }),

  attendance: (room: string, credential: Credential) => request<Attendance>('GET', at(room, '/attendance'), { credential }),

  status: (credential: Credential) => request<ServerStatus>('GET', '/api/status', { credential }),
}
