import type { Sample } from './sample'

/** The whole history as a file's text, with a word on what is in it. */
export function savedStatistics(samples: readonly Sample[], made: Date, browser: string): string {
  return JSON.stringify(
    {
      format: 'tutti-statistics', version: 1, made: made.toISOString(), browser,
      note: 'Contains the network addresses and names of people. Times in milliseconds since 1970, rates in bit/s, durations in seconds, loss from 0 to 1.',
      samples,
    },
    undefined, 1,
  )
}

/** "tutti-statistics-2026-11-22-17-05-09.json", in the reader's own time. */
export function savedName(made: Date): string {
  const two = (n: number) => String(n).padStart(2, '0')
  const parts = [made.getFullYear(), made.getMonth() + 1, made.getDate(), made.getHours(), made.getMinutes(), made.getSeconds()]
  return `tutti-statistics-${parts.map(two).join('-')}.json`
}
