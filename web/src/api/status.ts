import { ApiError, credentialHeaders, errorOf, type Credential } from './client'
import { EventStreamParser } from './sse'
import { SteadyRates } from './steady'
import type { LiveOn, LiveStatus } from './types'

/** How long a show has been on, in seconds, at a time of this computer's clock. */
export function secondsOn({ since, began = Date.parse(since) }: Pick<LiveOn, 'since' | 'began'>, now: number): number {
  return Math.max(0, (now - began) / 1000)
}

export interface StatusListener {
  status(status: LiveStatus): void
  /** The stream broke off; it is tried again by itself. */
  lost?(): void
  /** The server refuses for good; nothing more will come. */
  refused?(error: ApiError): void
}

/** The server sends a status every 2 s while live and a comment now and then; silence of this long means it is gone. */
const silenceLimit = 20_000
const minRetry = 500
const maxRetry = 8_000

/**
 * Follows a room's live status until the returned function is called. It reconnects by itself, at once when the network or
 * the page comes back. It reads the event stream with fetch rather than EventSource, to send the key in a header and to
 * learn why it is refused.
 */
export function followStatus(room: string, credential: Credential, listener: StatusListener): () => void {
  const url = `/api/rooms/${encodeURIComponent(room)}/events`
  const rates = new SteadyRates()
  let ended = false
  let abort = new AbortController()
  let wake = () => {}

  async function read(signal: AbortSignal, heard: () => void) {
    const response = await fetch(url, {
      headers: { Accept: 'text/event-stream', ...credentialHeaders(credential) },
      cache: 'no-store', credentials: 'omit', signal,
    })
    if (!response.ok) throw await errorOf(response)
    if (!response.body) throw new Error('event stream without a body')
    const parser = new EventStreamParser()
    // A computer's own clock may be far from the server's, which begins and ends everything.
    const ahead = Date.parse(response.headers.get('date') ?? '') - Date.now()
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done || ended) return
      heard()
      for (const event of parser.push(value)) {
        if (event.type !== 'status') continue
        const status = rates.apply(JSON.parse(event.data) as LiveStatus, performance.now())
        listener.status(status.on && !Number.isNaN(ahead) ? { ...status, began: Date.parse(status.since) - ahead } : status)
      }
    }
  }

  async function run() {
    let delay = minRetry
    while (!ended) {
      abort = new AbortController()
      const { signal } = abort
      let silence = setTimeout(() => abort.abort(), silenceLimit)
      try {
        await read(signal, () => {
          delay = minRetry
          clearTimeout(silence)
          silence = setTimeout(() => abort.abort(), silenceLimit)
        })
      } catch (error) {
        if (error instanceof ApiError && ['unauthorized', 'forbidden', 'expired', 'bad_name'].includes(error.code)) {
          if (!ended) listener.refused?.(error)
          return
        }
      } finally {
        clearTimeout(silence)
      }
      if (ended) return
      listener.lost?.()
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, delay)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      delay = Math.min(delay * 2, maxRetry)
    }
  }

  const comeBack = () => {
    if (document.visibilityState === 'visible') wake()
  }
  addEventListener('online', comeBack)
  document.addEventListener('visibilitychange', comeBack)
  void run()

  return () => {
    ended = true
    abort.abort()
    wake()
    removeEventListener('online', comeBack)
    document.removeEventListener('visibilitychange', comeBack)
  }
}
