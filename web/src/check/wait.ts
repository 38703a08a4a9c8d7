/** Resolves after a time, or rejects when the signal aborts. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, milliseconds)
    signal.addEventListener('abort', stop, { once: true })
  })
}

/** Gives what a promise gives, or undefined when it takes too long; rejects when the signal aborts. */
export async function within<T>(milliseconds: number, signal: AbortSignal, promise: Promise<T>): Promise<T | undefined> {
  const over = new AbortController()
  try {
    return await Promise.race([promise, pause(milliseconds, AbortSignal.any([signal, over.signal])).then(() => undefined)])
  } finally {
    over.abort()
  }
}
