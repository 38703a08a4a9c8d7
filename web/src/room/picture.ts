import type { Info, LiveOn } from '../api/types'
import type { Tile } from './view'

/** What the host's checklist says about one point. */
export interface Check {
  state: 'ok' | 'warn' | 'none'
}

/** Codecs of a picture that every way of playing takes. */
export function playsEverywhere(codec: string): boolean {
  return codec.toLowerCase() === 'h264'
}

/** How a codec will reach viewers: as it is, converted by the server, or over WebRTC alone. */
export function reach(codec: string, info: Info | undefined): 'everywhere' | 'converted' | 'webrtc' {
  if (playsEverywhere(codec)) return 'everywhere'
  return info?.features.videoConversion ? 'converted' : 'webrtc'
}

/** The tile that viewers will see unless the host chooses: an encoder's, else the own screen or camera, else the first. */
export function defaultPicture(tiles: Tile[]): Tile | undefined {
  const shown = tiles.filter((tile) => tile.sid !== '')
  return (
    shown.find((tile) => tile.person.ingest) ??
    shown.find((tile) => tile.person.local && tile.kind === 'screen') ??
    shown.find((tile) => tile.person.local) ??
    shown[0]
  )
}

/** The SID of the track whose picture is on the air; empty when there is none. */
export function shownSid(live: LiveOn): string {
  for (const source of live.sources ?? []) {
    for (const track of source.tracks ?? []) if (track.kind === 'video' && track.shown) return track.sid
  }
  return ''
}
