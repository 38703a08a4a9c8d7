import { ConnectionQuality, ParticipantKind, Track, type Participant, type TrackPublication } from 'livekit-client'
import { mirrors } from '../media/facing'
import type { Person, Quality, Tile } from './view'

/** What the page knows of somebody in the room. `own` says what is so about whoever looks: their name before the server has it, and whether they host. */
export function personOf(p: Participant, own: { name: string; host: boolean }): Person {
  const microphone = p.getTrackPublication(Track.Source.Microphone) ?? firstOf(p, Track.Kind.Audio)
  const camera = cameraOf(p)
  return {
    identity: p.identity,
    name: p.name || p.identity || own.name,
    local: p.isLocal,
    // The server gives hosts identities of this form and lets nobody else have one.
    host: p.isLocal ? own.host : p.identity.startsWith('host-'),
    ingest: p.kind === ParticipantKind.INGRESS,
    role: p.attributes['tutti.role'] ?? '',
    microphone: microphone !== undefined && !microphone.isMuted,
    camera: camera !== undefined && !camera.isMuted,
    speaking: p.isSpeaking,
    quality: qualityOf(p.connectionQuality),
    microphoneSid: microphone?.trackSid ?? '',
  }
}

/** Their camera, and their screen where they share it. */
export function tilesOf(p: Participant, person: Person): Tile[] {
  const tile = (kind: Tile['kind'], pub: TrackPublication | undefined): Tile => ({
    id: `${p.identity}/${kind}`,
    person,
    kind,
    picture: pub && !pub.isMuted ? pub.videoTrack : undefined,
    sid: pub?.trackSid ?? '',
    mirrored: p.isLocal && kind === 'camera' && mirrors(pub?.videoTrack?.mediaStreamTrack),
    width: pub?.dimensions?.width ?? 0,
    height: pub?.dimensions?.height ?? 0,
  })
  const screen = p.getTrackPublication(Track.Source.ScreenShare)
  const tiles = [tile('camera', cameraOf(p))]
  if (screen && !screen.isMuted) tiles.push(tile('screen', screen))
  return tiles
}

export function qualityOf(quality: ConnectionQuality): Quality {
  switch (quality) {
    case ConnectionQuality.Excellent:
    case ConnectionQuality.Good: return 'good'
    case ConnectionQuality.Poor: return 'weak'
    case ConnectionQuality.Lost: return 'lost'
    default: return 'unknown'
  }
}

/** The camera, or the picture of a client that does not say what its picture is. */
function cameraOf(p: Participant): TrackPublication | undefined {
  return p.getTrackPublication(Track.Source.Camera) ?? firstOf(p, Track.Kind.Video)
}

function firstOf(p: Participant, kind: Track.Kind): TrackPublication | undefined {
  return [...p.trackPublications.values()].find((pub) => pub.kind === kind && pub.source === Track.Source.Unknown)
}
