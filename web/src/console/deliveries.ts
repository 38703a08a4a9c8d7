import { request, type Credential } from '../api/client'

/** One event on its way to one application. */
export interface Delivery {
  id: string
  event: string
  room: string
  /** Where it was sent, without secrets. */
  receiver: string
  at: string
  attempts: number
  outcome: 'pending' | 'delivered' | 'failed'
  error?: string
  body: unknown
}

export const deliveries = {
  list: (credential: Credential) => request<{ deliveries: Delivery[] }>('GET', '/api/webhooks/deliveries', { credential }),
  replay: (id: string, credential: Credential) => request<Delivery>('POST', `/api/webhooks/deliveries/${encodeURIComponent(id)}/replay`, { credential }),
}

/** Why an application did not take an event, of which the page has words. */
export type Untaken = 'answered' | 'address' | 'slow' | 'unreachable'

/** What the server says of it in a sentence. `status` is what the application answered. */
export function untaken(error: string): { why: Untaken; status?: string } {
  const status = /^the receiver answered (.+)$/.exec(error)?.[1]
  if (status) return { why: 'answered', status }
  if (error.includes('not a public one')) return { why: 'address' }
  if (/deadline exceeded|timeout/i.test(error)) return { why: 'slow' }
  return { why: 'unreachable' }
}
