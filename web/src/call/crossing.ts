// While a call moves from one way to another both carry it: what of each is shown, and when the new one shows as much.
import type { Feed, Link } from './link'
import { sources, type Source } from './protocol'
import type { Roster } from './roster'

/** The feed to show for somebody's source: of the first link, which is the newest, that shows it. */
export function feedToShow(links: Link[], member: string, source: Source): Feed | undefined {
  let waiting: Feed | undefined
  for (const link of links) {
    const feed = link.feeds.find((f) => f.member === member && f.source === source)
    if (!feed) continue
    if (feed.live && (link.open || links.length === 1)) return feed
    waiting ??= feed
  }
  return waiting
}

/** Whether a link brings all that the others send; `before` are those that carried it until now. */
export function bringsAll(link: Link, before: Link[], { members }: Pick<Roster, 'members'>, you: string): boolean {
  for (const [id, { state, present }] of members) {
    if (id === you || !present) continue
    // Somebody who has just come has nothing to lose.
    if (before.length > 0 && !before.some((old) => old.reached.some((r) => r.id === id))) continue
    if (!link.reached.some((r) => r.id === id)) return false
    const sent: Record<Source, boolean> = { microphone: state.microphone, camera: state.camera, screen: state.screen, screenSound: false }
    if (sources.some((source) => sent[source] && !link.feeds.some((f) => f.member === id && f.source === source && f.live))) return false
  }
  return true
}
