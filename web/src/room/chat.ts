/** The topic and shape of LiveKit's own chat components, so that their clients and ours understand each other. */
export const chatTopic = 'lk-chat-topic'

export const maxChatLength = 2000
const maxPayload = 16 << 10

export interface ChatPayload {
  id: string
  timestamp: number
  message: string
}

export function encodeChat(payload: ChatPayload): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(payload))
}

/** Reads a message from somebody else; undefined when it is none. Its time is kept within what this clock takes for now. */
export function decodeChat(data: Uint8Array, now: number): ChatPayload | undefined {
  if (data.length > maxPayload) return undefined
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data))
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { id, timestamp, message } = value as Record<string, unknown>
  if (typeof message !== 'string') return undefined
  const text = message.trim().slice(0, maxChatLength)
  if (text === '') return undefined
  const at = typeof timestamp === 'number' && Math.abs(now - timestamp) < 600_000 ? timestamp : now
  return { id: typeof id === 'string' && id.length <= 64 ? id : '', timestamp: at, message: text }
}
