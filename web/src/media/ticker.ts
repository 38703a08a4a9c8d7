/**
 * Calls a function every so many milliseconds, also in a page in the background, whose own timers browsers slow down to one
 * call a second. Returns what ends it.
 */
export function every(milliseconds: number, tick: () => void): () => void {
  const worker = new Worker(new URL('./ticker.worker.ts', import.meta.url), { type: 'module', name: 'ticker' })
  worker.onmessage = tick
  worker.postMessage(milliseconds)
  return () => worker.terminate()
}
