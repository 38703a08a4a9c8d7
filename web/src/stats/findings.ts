import { roundTrip, worst } from './history'
import type { Sample } from './sample'

/** What stands out in the figures; the page has a sentence for each. */
export type Finding = 'cpu' | 'bandwidth' | 'lossSent' | 'lossReceived' | 'slow' | 'uneven' | 'freezes' | 'overTcp'

const considered = 5

// From there on people notice: ITU-T G.114 for the delay, and what codecs' repair no longer hides for loss.
const limits = { loss: 0.03, roundTrip: 0.35, jitter: 0.05 }

function mean(values: (number | undefined)[]): number {
  const told = values.filter((v) => v !== undefined)
  return told.length === 0 ? 0 : told.reduce((a, b) => a + b, 0) / told.length
}

/** What stood out in the last seconds, worst first. */
export function findings(samples: readonly Sample[]): Finding[] {
  const last = samples.slice(-considered)
  const now = last.at(-1)
  if (!now) return []
  const held = (why: string) => now.tracks.some((t) => t.direction === 'sent' && t.limitation === why)
  const found: [Finding, boolean][] = [
    ['freezes', last.some((s) => (worst(s, 'received', (t) => t.freezes) ?? 0) > 0)],
    ['lossReceived', mean(last.map((s) => worst(s, 'received', (t) => t.loss))) > limits.loss],
    ['lossSent', mean(last.map((s) => worst(s, 'sent', (t) => t.loss))) > limits.loss],
    ['bandwidth', held('bandwidth')],
    ['cpu', held('cpu')],
    ['slow', mean(last.map(roundTrip)) > limits.roundTrip],
    ['uneven', mean(last.map((s) => worst(s, 'received', (t) => t.jitter))) > limits.jitter],
    ['overTcp', now.connections.some((c) => c.local?.protocol === 'tcp' || (c.local?.relayProtocol ?? 'udp') !== 'udp')],
  ]
  return found.filter(([, is]) => is).map(([finding]) => finding)
}
