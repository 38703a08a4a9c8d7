/** This computer's time as it was when the page was opened, and steady from then on: nobody sets it. In milliseconds since 1970. */
export function steadyNow(): number {
  return performance.timeOrigin + performance.now()
}

/** How far the server's clock is ahead of this page's steady one, in milliseconds, from what it says its time is. What it says comes late by the way it took; the least late is the best. */
export function aheadOf(at: string, before: number | undefined, now: number): number {
  const ahead = Date.parse(at) - now
  return before === undefined ? ahead : Math.max(before, ahead)
}

/** The server's time, by which everything begins and ends, in milliseconds since 1970. */
export function serverTime({ clockAhead = 0 }: { clockAhead: number | undefined }, now = steadyNow()): number {
  return now + clockAhead
}
