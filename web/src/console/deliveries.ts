import { request, type Credential } from '../api/client'

/** Why an application did not take an event. */
export type Untaken = 'refused' | 'address' | 'slow' | 'unreachable'

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
  /** Why the last attempt failed; `code` is the HTTP status with which the application refused. */
  reason?: Untaken
  code?: string
  body: unknown
}

export const deliveries = {
  list: (credential: Credential) => request<{ deliveries: Delivery[] }>('GET', '/api/webhooks/deliveries', { credential }),
  replay: (id: string, credential: Credential) => request<Delivery>('POST', `/api/webhooks/deliveries/${encodeURIComponent(id)}/replay`, { credential }),
}
