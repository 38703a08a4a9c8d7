import { bitrate } from '../i18n/format'
import type { Dictionary } from '../i18n/en'
import { milliseconds, percent } from '../stats/units'
import type { StepId, StepResult, Trouble } from './results'

/** What is wrong and what to do, in the reader's language. */
export function troubleWords(t: Dictionary, trouble: Trouble): { text: string; fix: string } {
  const own = t.check.trouble[trouble]
  if (own) return own
  const device = trouble as keyof Dictionary['prejoin']['problem']
  return { text: t.prejoin.problem[device], fix: t.prejoin.fix[device] }
}

/** What was measured, in a few words; empty when nothing was. */
export function figureWords(t: Dictionary, id: StepId, { state, figures: f }: StepResult): string {
  if (id === 'browser') return state === 'ok' ? t.check.secure : ''
  const parts: (string | undefined)[] = [
    f.label,
    f.width && f.height ? t.check.picture(f.width, f.height, f.fps ?? 0) : undefined,
    f.level === undefined ? undefined : t.check.loudest(percent(f.level)),
    f.address,
    f.nat && t.check.nat[f.nat],
    f.bitrate === undefined ? undefined : bitrate(f.bitrate),
    f.roundTrip === undefined ? undefined : f.roundTrip < 0.001 ? '< 1 ms' : milliseconds(f.roundTrip),
    f.loss === undefined ? undefined : t.check.lost(percent(f.loss)),
    f.jitter === undefined ? undefined : t.check.jitter(milliseconds(f.jitter)),
  ]
  return parts.filter((part) => part).join(' · ')
}
