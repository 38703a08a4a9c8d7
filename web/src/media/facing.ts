/** The way that a phone's camera looks: at whoever holds it, or away. */
export type Facing = 'user' | 'environment'

/** Where a camera looks; undefined for one that has no side, as those of computers. */
export function facingOf(track: MediaStreamTrack | undefined): Facing | undefined {
  const { facingMode } = track?.getSettings() ?? {}
  return facingMode === 'user' || facingMode === 'environment' ? facingMode : undefined
}

/** Where another camera looks, seen from the one that is in use; undefined where there is none to turn to. */
export function otherSide(track: MediaStreamTrack | undefined, cameras: number): Facing | undefined {
  const facing = facingOf(track)
  if (!facing || cameras < 2) return undefined
  return facing === 'user' ? 'environment' : 'user'
}

/** Whether an own picture is shown as in a mirror, as people know themselves; what they show to others is not. */
export function mirrors(track: MediaStreamTrack | undefined): boolean {
  return facingOf(track) !== 'environment'
}
