/** Where a player of a live show is, in seconds. */
export interface Place {
  /** Behind where it should be; negative when it is ahead of that. */
  late: number
  /** How much of the show lies ready in front of it. */
  ahead: number
  /** With less ready than this it slows down; with less than `enough` it does not hurry. */
  low?: number
  enough?: number
}

/** Later than this is not made up for by playing faster: somebody's computer slept. */
export const hopeless = 12

/**
 * How fast to play so that one comes back to the edge of the show without a jump: a little faster the later it is, as long as there is
 * enough in front, and a little slower where that runs out.
 */
export function pace({ late, ahead, low = 0.2, enough = 0.45 }: Place): number {
  if (ahead < low && late < 1) return 0.95
  if (late < enough / 3 || ahead < enough) return 1
  const rate = 1 + Math.min(late > 3 ? 0.25 : 0.12, 0.03 + late * 0.05)
  return Math.round(rate * 100) / 100
}
