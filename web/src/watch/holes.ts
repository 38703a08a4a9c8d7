/** As much of TimeRanges as is asked for. */
type Ranges = Pick<TimeRanges, 'length' | 'start' | 'end'>

/** How far in front of a hole one is there, in seconds. */
const near = 0.25

/**
 * Where to go on for whoever has come to a hole in what is buffered: a picture that fails for a moment leaves one, and no browser goes over it by itself.
 * Some play the sound on until that ends too. Undefined while there is less than `enough` to play behind it; holes that end at `passed` or before are over.
 */
export function beyondHole(buffered: Ranges, at: number, enough: number, passed: number): number | undefined {
  for (let i = buffered.length - 1; i > 0; i--) {
    const end = buffered.start(i)
    if (at < buffered.end(i - 1) - near || end <= passed) continue
    const to = Math.max(at, end)
    return buffered.end(buffered.length - 1) - to >= enough ? to : undefined
  }
}
