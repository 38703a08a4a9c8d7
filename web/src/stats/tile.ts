import { bitrate, codecName } from '../i18n/format'
import { t } from '../i18n/index.svelte'
import type { Sample, TrackFigures } from './sample'
import type { TrackSource } from './source'
import { percent } from './units'

/** What is known of one picture: of its largest layer, with the bitrate of all of them. */
export function pictureFigures(sample: Sample | undefined, identity: string, what: TrackSource): TrackFigures | undefined {
  const layers = sample?.tracks.filter((x) => x.identity === identity && x.what === what) ?? []
  const [largest] = layers.toSorted((a, b) => (b.height ?? 0) - (a.height ?? 0))
  const rates = layers.flatMap((x) => x.bitrate ?? [])
  return largest && (rates.length > 0 ? { ...largest, bitrate: rates.reduce((a, b) => a + b) } : largest)
}

/** The same in a line to lay over the picture: "1280×720 · 30 fps · H.264 · 1.2 Mbit/s". */
export function pictureWords(sample: Sample | undefined, identity: string, what: TrackSource): string {
  const now = pictureFigures(sample, identity, what)
  if (!now) return ''
  return [
    now.width && now.height ? `${now.width}×${now.height}` : '',
    now.fps === undefined ? '' : t().stats.framesPerSecond(Math.round(now.fps)),
    now.codec ? codecName(now.codec.name) : '',
    now.bitrate === undefined ? '' : bitrate(now.bitrate),
    // Of nothing lost nobody needs a word.
    now.loss ? t().stats.lostPart(percent(now.loss)) : '',
  ].filter((text) => text !== '').join(' · ')
}
