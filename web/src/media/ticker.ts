/**
 * Calls a function every so many milliseconds, also in a page in the background, whose own timers browsers slow down to one
 * call a second. A page that cannot keep up is called less often: ticks never queue. Returns what ends it.
 */
export function every(milliseconds: number, tick: () => void): () => void {
  const worker = new Worker(new URL('./ticker.worker.ts', import.meta.url), { type: 'module', name: 'ticker' })
  worker.onmessage = () => {
    try {
      tick()
    } finally {
      worker.postMessage(0)
    }
  }
  worker.postMessage(milliseconds)
  return () => worker.terminate()
}
