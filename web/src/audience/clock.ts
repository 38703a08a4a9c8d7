/** No message is under way for so long, in milliseconds. */
const late = 5000

/** This computer's time as it was when the page was opened, and steady from then on: nobody sets it. In milliseconds since 1970. */
export function steadyNow(): number {
  return performance.timeOrigin + performance.now()
}

/** How far the server's clock is ahead of this page's steady one, in milliseconds, from what it says its time is. What it says comes late by the way it took: the least late is the best, but where the server's clock was set back. */
export function aheadOf(at: string, before: number | undefined, now: number): number {
  const ahead = Date.parse(at) - now
  return before === undefined || before - ahead > late ? ahead : Math.max(before, ahead)
}

/**
 * Tells of each time that the steady clock may have stood still, as it does in some browsers while a computer sleeps, or that the page has, which hears
 * only afterwards what was said meanwhile; until the returned function is called.
 */
export function followSleep(woke: () => void): () => void {
  const look = () => ({ steady: performance.now(), drift: Date.now() - performance.now() })
  let before = look()
  const timer = setInterval(() => {
    const now = look()
    if (now.drift - before.drift > 500 || now.steady - before.steady > late) woke()
    before = now
  }, 1000)
  return () => clearInterval(timer)
}

/** The server's time, by which everything begins and ends, in milliseconds since 1970. */
export function serverTime({ clockAhead = 0 }: { clockAhead: number | undefined }, now = steadyNow()): number {
  return now + clockAhead
}
