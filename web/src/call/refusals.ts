import type { EndCode } from './signal'
import type { CallOver } from './view'

/** Why the server's refusal ends the call. */
export function overOf(code: EndCode): CallOver {
  switch (code) {
    case 'full':
    case 'expired': return code
    case 'unauthorized': return 'locked'
    case 'forbidden': return 'wrongLink'
    case 'bad_name': return 'missing'
    case 'replaced': return 'duplicate'
    case 'rate_limited': return 'tooMany'
    default: return 'failed'
  }
}
