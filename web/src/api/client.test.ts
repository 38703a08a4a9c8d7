import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { codeOf, request } from './client'

describe('what the server is asked', () => {
  /** What it answers, undefined where it does not. */
  let answer: Promise<Response> | undefined

  beforeEach(() => {
    vi.useFakeTimers()
    answer = undefined
    vi.stubGlobal('fetch', (_: string, { signal }: RequestInit) => {
      const never = new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(new DOMException('', 'AbortError'))))
      return answer ? answer.then((response) => Object.assign(response, { json: () => never })) : never
    })
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })

  it.each([['at all', 15_000], ['to the end', 60_000]])('is not waited for without end where it does not answer %s', async (how, patience) => {
    if (how === 'to the end') answer = Promise.resolve(new Response('{'))
    let code = ''
    request('GET', '/api/rooms/tea').catch((error: unknown) => (code = codeOf(error)))
    await vi.advanceTimersByTimeAsync(patience - 1)
    expect(code).toBe('')
    await vi.advanceTimersByTimeAsync(1)
    expect(code).toBe('offline')
  })

  it('has all the time that a file takes', async () => {
    let ended = false
    request('PUT', '/api/rooms/tea/ingest/slate', { file: new Blob(['x']) }).finally(() => (ended = true)).catch(() => {})
    await vi.advanceTimersByTimeAsync(600_000)
    expect([ended, vi.getTimerCount()]).toEqual([false, 0])
  })
})
