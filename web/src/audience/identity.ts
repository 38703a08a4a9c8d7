import { recall, remember } from '../remember'

/**
 * The secret by which this browser is the same person in a room wherever it comes in: on the watch page, on the stage, in the room, and
 * after a reload, when it takes the place of its old connection.
 */
export function ownIdentity(room: string): string {
  const key = `identity.${room}`
  const before = recall(key)
  if (before) return before
  const fresh = `p-${[...crypto.getRandomValues(new Uint8Array(8))].map((b) => b.toString(16).padStart(2, '0')).join('')}`
  remember(key, fresh)
  return fresh
}
