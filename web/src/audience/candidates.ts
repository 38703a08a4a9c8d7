import type { Name } from './protocol'
import type { AudienceState } from './state'

const most = 20

/** What somebody is called who was seen in the chat, in the queue or on a seat; empty when nobody was. */
export function nameOf({ stage, messages }: Pick<AudienceState, 'stage' | 'messages'>, identity: string | undefined): string {
  const known = [...(stage.queue ?? []), ...stage.seats.flatMap((seat) => seat.who ?? []), ...messages.toReversed().map(({ from }) => from)]
  return known.find((who) => who.identity === identity)?.name ?? ''
}

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
