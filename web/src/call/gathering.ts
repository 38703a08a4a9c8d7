import { mirrors } from '../media/facing'
import type { LocalMedia } from '../media/localmedia'
import { TrackPicture, type Feed, type Link, type Reached } from './link'
import type { Source, State } from './protocol'
import type { Roster } from './roster'
import type { CallTile, Member } from './view'

/** What everybody in a call is told from. */
export interface Known {
  me: Pick<Member, 'id' | 'name' | 'present' | 'recording' | 'speaking'>
  local: Pick<LocalMedia, 'camera' | 'unfiltered' | 'cameraOn' | 'microphoneOn' | 'screen'>
  roster: Roster
  /** Newest first. */
  links: readonly Link[]
  /** The call as a whole has no way to anybody. */
  broken: boolean
  /** What is shown of somebody's source. */
  feed(member: string, source: Source): Feed | undefined
  flows(member: string): boolean
}

/** Gathers everybody in a call with their pictures, from what the server says of them and what the links bring. */
export class Gathering {
  /** A track is one picture for as long as it lasts, so that elements need not be attached anew. */
  #pictures = new WeakMap<MediaStreamTrack, TrackPicture>()

  take(known: Known): { members: Member[]; tiles: CallTile[] } {
    const { local } = known
    const me: Member = { ...known.me, local: true, microphone: local.microphoneOn, camera: local.cameraOn, quality: 'good' }
    const members: Member[] = [me]
    const tiles: CallTile[] = [{ id: `${me.id}/camera`, member: me, kind: 'camera', picture: local.camera && this.#picture(local.camera), mirrored: mirrors(local.unfiltered) }]
    if (local.screen) tiles.push({ id: `${me.id}/screen`, member: me, kind: 'screen', picture: this.#picture(local.screen), mirrored: false })
    const reached = new Map([...known.links].reverse().flatMap((link) => (link.open ? link.reached.map((r) => [r.id, r] as const) : [])))
    for (const [id, { name, present, state }] of others(known, reached)) {
      const way = reached.get(id)
      const member: Member = {
        id, name, local: false, present, microphone: state.microphone, camera: state.camera, recording: state.recording ?? false,
        speaking: way?.speaking ?? false,
        quality: !way && known.broken ? 'lost' : way?.weak ? 'weak' : 'good',
      }
      members.push(member)
      const picture = (source: Source) => known.feed(id, source)?.picture
      tiles.push({ id: `${id}/camera`, member, kind: 'camera', picture: state.camera ? picture('camera') : undefined, mirrored: false })
      if (state.screen) tiles.push({ id: `${id}/screen`, member, kind: 'screen', picture: picture('screen'), mirrored: false })
    }
    return { members, tiles }
  }

  #picture(track: MediaStreamTrack): TrackPicture {
    const picture = this.#pictures.get(track) ?? new TrackPicture(track)
    this.#pictures.set(track, picture)
    return picture
  }
}

function others({ me, roster, feed, flows }: Known, reached: Map<string, Reached>): Map<string, { name: string; present: boolean; state: State }> {
  const all = new Map<string, { name: string; present: boolean; state: State }>()
  for (const [id, { member }] of roster.absent) if (flows(id)) all.set(id, { ...member, present: false })
  for (const [id, { name, present, state }] of roster.members) if (id !== me.id) all.set(id, { name, present, state })
  // Whoever is in the room without being in the call is there all the same.
  for (const [id, { name, microphone, camera }] of reached) {
    if (all.has(id) || microphone === undefined) continue
    all.set(id, { name, present: true, state: { microphone, camera: camera ?? false, screen: feed(id, 'screen') !== undefined } })
  }
  return all
}
