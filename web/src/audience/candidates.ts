import type { Name } from './protocol'
import type { AudienceState } from './state'

const most = 20

/** Whom a host may ask onto the stage: raised hands first, then who wrote last; nobody who is there already. */
export function candidates({ stage, messages, you }: Pick<AudienceState, 'stage' | 'messages' | 'you'>): Name[] {
  const there = new Set([you.identity, stage.host?.identity, ...stage.seats.map((seat) => seat.who?.identity)])
  const found = new Map<string, Name>()
  const take = ({ identity, name }: Name) => {
    if (identity && !there.has(identity) && !found.has(identity) && found.size < most) found.set(identity, { identity, name })
  }
  stage.queue?.forEach(take)
  for (const { from, system } of messages.toReversed()) if (!system && from.role === 'audience') take(from)
  return [...found.values()]
}
