// The messages of docs/call-protocol.md, "Files between two". Whoever sends them may be anybody's program: what is not
// exactly as described there is not read at all.
import { maxNameLength } from './names'

/** How many unfinished files one person may have on offer to another. */
export const maxUnfinished = 16
/** The largest control message, in bytes. */
export const maxControl = 8192
/** The most data in one chunk, in bytes. */
export const maxChunk = 256 * 1024
/** The bytes of a chunk message before its data: type, transfer's id, offset. */
export const chunkHeader = 1 + 16 + 8

export const version = 1

/** Why a transfer failed, as one side tells the other. */
export const wireReasons = ['mismatch', 'unreadable', 'no_space', 'too_large', 'storage', 'protocol'] as const
export type WireReason = (typeof wireReasons)[number]

export type Control =
  | { type: 'hello'; version: number; heard: boolean; sending: string[] }
  | { type: 'offer'; id: string; name: string; size: number; mime: string }
  | { type: 'accept'; id: string; offset: number; limit: number }
  | { type: 'credit'; id: string; offset: number; limit: number }
  | { type: 'end'; id: string; sha256: string }
  | { type: 'done'; id: string }
  | { type: 'refuse'; id: string }
  | { type: 'cancel'; id: string }
  | { type: 'fail'; id: string; reason: WireReason }

export interface Chunk {
  type: 'chunk'
  id: string
  /** Where in the file the data belongs, in bytes from its start. */
  offset: number
  data: Uint8Array<ArrayBuffer>
}

const controlType = 1
const chunkType = 2

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A new transfer's id: 16 random bytes in hexadecimal. */
export function newId(): string {
  return hex(crypto.getRandomValues(new Uint8Array(16)))
}

export function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

export function encodeControl(message: Control): Uint8Array<ArrayBuffer> {
  const json = encoder.encode(JSON.stringify(message))
  const bytes = new Uint8Array(1 + json.length)
  bytes[0] = controlType
  bytes.set(json, 1)
  return bytes
}

export function encodeChunk(id: string, offset: number, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunkHeader + data.length)
  bytes[0] = chunkType
  for (let i = 0; i < 16; i++) bytes[1 + i] = parseInt(id.slice(i * 2, i * 2 + 2), 16)
  new DataView(bytes.buffer).setBigUint64(17, BigInt(offset))
  bytes.set(data, chunkHeader)
  return bytes
}

/** Reads a message; undefined when it is none. A chunk's data lies in the message's own memory. */
export function decode(message: Uint8Array<ArrayBuffer>): Control | Chunk | undefined {
  switch (message[0]) {
    case controlType: return decodeControl(message.subarray(1))
    case chunkType: return decodeChunk(message)
    default: return undefined
  }
}

function decodeChunk(message: Uint8Array<ArrayBuffer>): Chunk | undefined {
  const length = message.length - chunkHeader
  if (length < 1 || length > maxChunk) return undefined
  const offset = new DataView(message.buffer, message.byteOffset, message.byteLength).getBigUint64(17)
  if (offset > BigInt(Number.MAX_SAFE_INTEGER)) return undefined
  return { type: 'chunk', id: hex(message.subarray(1, 17)), offset: Number(offset), data: message.subarray(chunkHeader) }
}

function decodeControl(bytes: Uint8Array): Control | undefined {
  if (bytes.length > maxControl) return undefined
  let json: unknown
  try {
    json = JSON.parse(decoder.decode(bytes))
  } catch {
    return undefined
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined
  const m = json as Record<string, unknown>
  if (m.type === 'hello') return decodeHello(m)
  const { type, id } = m
  if (!isId(id)) return undefined
  switch (type) {
    case 'offer': {
      const { name, size, mime } = m
      if (typeof name !== 'string' || name.length < 1 || name.length > maxNameLength) return undefined
      if (!isCount(size) || typeof mime !== 'string' || !isMime(mime)) return undefined
      return { type, id, name, size, mime }
    }
    case 'accept':
    case 'credit': {
      const { offset, limit } = m
      return isCount(offset) && isCount(limit) && offset <= limit ? { type, id, offset, limit } : undefined
    }
    case 'end': {
      const { sha256 } = m
      return typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256) ? { type, id, sha256 } : undefined
    }
    case 'done':
    case 'refuse':
    case 'cancel':
      return { type, id }
    case 'fail': {
      const reason = wireReasons.find((known) => known === m.reason)
      return reason && { type, id, reason }
    }
    default:
      return undefined
  }
}

function decodeHello(m: Record<string, unknown>): Control | undefined {
  const { sending } = m
  if (m.version !== version || typeof m.heard !== 'boolean') return undefined
  if (!Array.isArray(sending) || sending.length > maxUnfinished || !sending.every(isId)) return undefined
  return { type: 'hello', version, heard: m.heard, sending }
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isMime(value: string): boolean {
  return value === '' || (value.length <= 127 && /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/.test(value))
}

/** A file's type as it may go over the wire: without parameters, empty when it is none. */
export function wireMime(type: string): string {
  const bare = type.split(';')[0]!.trim().toLowerCase()
  return isMime(bare) ? bare : ''
}
