import { Track, type Room } from 'livekit-client'
import { reportsOf } from '../stats/livekit'
import type { StatsSource, TrackHint, TrackOwner, TrackSource } from '../stats/source'

/** Where the figures of a stay in a room come from: its connection to the server. */
export class RoomFigures implements StatsSource {
  constructor(readonly client: Room) {}

  get path(): StatsSource['path'] {
    return this.client.state === 'connected' ? 'server' : 'connecting'
  }

  reports() {
    return reportsOf(this.client)
  }

  describe(_connection: string, hint: TrackHint): TrackOwner | undefined {
    if (hint.track === undefined) return undefined
    const people = hint.direction === 'sent' ? [this.client.localParticipant] : this.client.remoteParticipants.values()
    for (const person of people) {
      for (const { track, source } of person.trackPublications.values()) {
        if (track?.mediaStreamTrack.id !== hint.track) continue
        return { person: person.isLocal ? '' : person.name || person.identity, identity: person.identity, what: sourceOf(source, hint.kind) }
      }
    }
    return undefined
  }
}

/** A client that does not say what its track is sends its face and voice. */
function sourceOf(source: Track.Source, kind: TrackHint['kind']): TrackSource {
  switch (source) {
    case Track.Source.ScreenShare: return 'screen'
    case Track.Source.ScreenShareAudio: return 'screenSound'
    default: return kind === 'video' ? 'camera' : 'microphone'
  }
}
