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

/** A piece of a message: plain text, or an address with what stands for it in the text. */
export interface ChatPiece {
  text: string
  link?: string
}

// An address ends at a space, a quote or bracket of any script, and at the punctuation of Chinese, which has no spaces.
const address = /\bhttps?:\/\/[^\s<>"'`，。、；：！？（）《》「」『』【】“”‘’]+/gi
const closing: Record<string, string> = { ')': '(', ']': '[', '}': '{' }

/** What closes a sentence after an address is not part of it, and a bracket only if it was opened within. */
function withoutEnd(text: string): string {
  let end = text
  for (;;) {
    const last = end.at(-1) ?? ''
    const opening = closing[last]
    if (!/[.,;:!?…*_~]/.test(last) && !(opening && end.split(last).length > end.split(opening).length)) return end
    end = end.slice(0, -1)
  }
}

/** Cuts a message into text and web addresses; nothing but http and https becomes a link. */
export function piecesOf(message: string): ChatPiece[] {
  const pieces: ChatPiece[] = []
  let done = 0
  for (const match of message.matchAll(address)) {
    const text = withoutEnd(match[0])
    if (!URL.canParse(text)) continue
    if (match.index > done) pieces.push({ text: message.slice(done, match.index) })
    pieces.push({ text, link: new URL(text).href })
    done = match.index + text.length
  }
  if (done < message.length) pieces.push({ text: message.slice(done) })
  return pieces
}
