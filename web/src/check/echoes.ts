/** When each message was sent, and when its echo came, in seconds on one clock. */
export interface Echoes {
  sent: number[]
  back: (number | undefined)[]
}

export interface EchoFigures {
  /** The median, in seconds; absent when nothing came back. */
  roundTrip?: number
  /** 0 to 1: of both ways together. */
  loss: number
  /** Seconds: the smoothed difference between successive times (RFC 3550, 6.4.1). */
  jitter: number
}

export function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function echoFigures({ sent, back }: Echoes): EchoFigures {
  const times = sent.flatMap((at, i) => (back[i] === undefined ? [] : [Math.max(0, back[i] - at)]))
  let jitter = 0
  for (let i = 1; i < times.length; i++) jitter += (Math.abs(times[i]! - times[i - 1]!) - jitter) / 16
  const roundTrip = median(times)
  return { loss: sent.length === 0 ? 0 : 1 - times.length / sent.length, jitter, ...(roundTrip === undefined ? {} : { roundTrip }) }
}
