/** Why a show does not reach another server, of which the page has words. */
export type PushReason = 'address' | 'unreachable' | 'refused' | 'bframes' | 'broken'

/** What the server says of it in a sentence, which others wrote in part. `code` is RTMP's own name for a refusal, or HTTP's number. */
export function reasonOf(error: string): { reason: PushReason; code?: string } {
  if (error.includes('not a public one')) return { reason: 'address' }
  if (error.includes('B-frames')) return { reason: 'bframes' }
  if (error.startsWith('connecting')) return { reason: 'unreachable' }
  if (!error.startsWith('the server refuses')) return { reason: 'broken' }
  const code = /\bNet(?:Stream|Connection)\.[A-Za-z.]+|(?<=refuses: )[345]\d\d\b/.exec(error)?.[0]
  return code ? { reason: 'refused', code } : { reason: 'refused' }
}
