import { afterEach, describe, expect, it, vi } from 'vitest'
import { upload } from './transfers'

// answers each upload at once, as if it had taken so many milliseconds; null is one that never ends.
function server(...took: (number | null)[]) {
  const sizes: number[] = []
  vi.stubGlobal('fetch', (_: string, { body, signal }: { body: Uint8Array; signal: AbortSignal }) => {
    const milliseconds = took[sizes.length]
    sizes.push(body.length)
    if (milliseconds !== null) return Promise.resolve(Response.json({ milliseconds }))
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  })
  return sizes
}

afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

describe('the rate of sending', () => {
  it('is of the first transfer that takes long enough', async () => {
    const sizes = server(100, 1000)
    expect(await upload(new AbortController().signal)).toBe(512 * 1024 * 8)
    expect(sizes).toEqual([128 << 10, 512 << 10])
  })

  it('is low, not unknown, where a transfer does not end in time', async () => {
    vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => {
      const late = new AbortController()
      setTimeout(() => late.abort(new DOMException('late', 'TimeoutError')), 10)
      return late.signal
    })
    server(100, null)
    expect(await upload(new AbortController().signal)).toBeCloseTo((512 * 1024 * 8) / 15)
  })

  it('is not known where the test is stopped', async () => {
    server(null)
    const stopped = new AbortController()
    const rate = upload(stopped.signal)
    stopped.abort(new Error('stopped'))
    await expect(rate).rejects.toThrow('stopped')
  })
})
