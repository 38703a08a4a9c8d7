import type { Sample, TrackFigures } from './sample'

/** Samples are kept for ten minutes. */
export const keptMilliseconds = 600_000
const keptSamples = 600

/** Adds a sample, newest last, and lets go of those that are too old or too many. */
export function addSample(samples: readonly Sample[], next: Sample): Sample[] {
  const from = samples.findIndex((s) => s.at > next.at - keptMilliseconds && s.at <= next.at)
  const kept = from < 0 ? [] : samples.slice(Math.max(from, samples.length - keptSamples + 1))
  return [...kept, next]
}

/** The samples' times in seconds since 1970, and a figure of each; null where it is not known, so that the chart has a gap. */
export interface Series {
  at: number[]
  values: (number | null)[][]
}

export function series(samples: readonly Sample[], ...figures: ((sample: Sample) => number | undefined)[]): Series {
  return {
    at: samples.map((s) => s.at / 1000),
    values: figures.map((figure) => samples.map((s) => figure(s) ?? null)),
  }
}

/** The figure of one stream over time. */
export function ofTrack(id: string, figure: (track: TrackFigures) => number | undefined): (sample: Sample) => number | undefined {
  return (sample) => {
    const track = sample.tracks.find((t) => t.id === id)
    return track && figure(track)
  }
}

/** bit/s of all media in one direction. */
export function totalBitrate(sample: Sample, direction: TrackFigures['direction']): number | undefined {
  const parts = sample.tracks.filter((t) => t.direction === direction && t.bitrate !== undefined)
  return parts.length === 0 ? undefined : parts.reduce((sum, t) => sum + t.bitrate!, 0)
}

/** The worst figure of one direction. */
export function worst(
  sample: Sample, direction: TrackFigures['direction'], figure: (track: TrackFigures) => number | undefined,
): number | undefined {
  const values = sample.tracks.filter((t) => t.direction === direction).map(figure).filter((v) => v !== undefined)
  return values.length === 0 ? undefined : Math.max(...values)
}

/** Seconds there and back: of the connection, else the worst that the other side's reports tell. */
export function roundTrip(sample: Sample): number | undefined {
  const ways = sample.connections.map((c) => c.roundTrip).filter((v) => v !== undefined)
  return ways.length > 0 ? Math.max(...ways) : worst(sample, 'sent', (t) => t.roundTrip)
}
