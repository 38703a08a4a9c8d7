import { ConnectionError, ConnectionErrorReason } from 'livekit-client'
import type { ErrorCode } from '../api/client'
import type { Over } from './view'

/** Why the server's refusal ends the stay, or nothing when trying again may help. */
export function overOf(code: ErrorCode): Over | undefined {
  switch (code) {
    case 'full': return 'full'
    case 'expired': return 'expired'
    case 'unauthorized':
    case 'forbidden': return 'locked'
    case 'bad_name':
    case 'not_found': return 'missing'
    default: return undefined
  }
}

/** Whether somebody who was removed may not come back: the door tells, to which livekit-client itself turns only after it was refused. */
export async function isBanned(url: string, token: string): Promise<boolean> {
  const door = new URL('/rtc/validate', url.replace(/^ws/, 'http'))
  try {
    const answer = await fetch(door, { headers: { Authorization: `Bearer ${token}` }, credentials: 'omit', signal: AbortSignal.timeout(2000) })
    return answer.status === 403 && /banned/i.test(await answer.text())
  } catch {
    return false
  }
}

/** Why the signalling refused, or nothing when trying again may help. */
export function refusalOf(error: unknown): Over | undefined {
  if (!(error instanceof ConnectionError) || error.reason !== ConnectionErrorReason.NotAllowed) return undefined
  if (/full/i.test(error.message)) return 'full'
  if (/banned/i.test(error.message)) return 'banned'
  return /locked/i.test(error.message) ? 'shut' : 'locked'
}
