// What a call's statistics are made of: the browser's reports of its links, and whose track each is about.
import type { LocalMedia } from '../media/localmedia'
import type { TrackHint, TrackOwner } from '../stats/source'
import { DirectLink } from './direct'
import type { Link } from './link'
import { sources } from './protocol'
import type { Member } from './view'

export async function reportsOf(links: Link[]) {
  const all = await Promise.all(links.filter((link) => link.open).map((link) => link.reports().catch(() => [])))
  return all.flat()
}

/** Whose track it is, and what it carries; undefined where nobody knows. */
export function ownerOf(
  connection: string, hint: TrackHint, { links, you, members, local }: { links: Link[]; you: string; members: Member[]; local: LocalMedia },
): TrackOwner | undefined {
  const link = links.find((l) => (l.kind === 'direct') === (connection === 'direct'))
  if (!link) return undefined
  if (hint.direction === 'received') {
    const feed = link.feeds.find((f) => f.track.id === hint.track)
    if (feed) return { person: members.find((m) => m.id === feed.member)?.name ?? '', identity: feed.member, what: feed.source }
  } else {
    const what = sources.find((source) => hint.track !== undefined && local[source]?.id === hint.track)
    if (what) return { person: '', identity: you, what }
  }
  const what = link instanceof DirectLink && hint.mid !== undefined ? link.sourceOf(hint.mid) : undefined
  if (!what) return undefined
  const [other] = link.reached
  return hint.direction === 'sent' ? { person: '', identity: you, what } : { person: other?.name ?? '', identity: other?.id ?? '', what }
}
