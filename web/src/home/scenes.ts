import Briefcase from '@lucide/svelte/icons/briefcase'
import GraduationCap from '@lucide/svelte/icons/graduation-cap'
import HeartHandshake from '@lucide/svelte/icons/heart-handshake'
import MicVocal from '@lucide/svelte/icons/mic-vocal'
import Presentation from '@lucide/svelte/icons/presentation'
import Radio from '@lucide/svelte/icons/radio'
import Shapes from '@lucide/svelte/icons/shapes'
import type { SceneInfo } from '../api/types'
import { language, t } from '../i18n/index.svelte'

type Ours = keyof ReturnType<typeof t>['home']['scenes'] | 'show'

/** A kind of room that a person picks. */
export interface Template {
  name: string
  icon: typeof Radio
  /** It is made to be watched, so it begins with going live. */
  live: boolean
  /** The operator's own, which says what it is. */
  own?: SceneInfo
}

export const scenes: readonly (Template & { name: Ours })[] = [
  { name: 'show', icon: Radio, live: true },
  { name: 'class', icon: GraduationCap, live: false },
  { name: 'conference', icon: Presentation, live: false },
  { name: 'karaoke', icon: MicVocal, live: true },
  { name: 'match', icon: HeartHandshake, live: true },
  { name: 'team', icon: Briefcase, live: false },
]

/** What the operator added to ours. */
export function ownScenes(all: readonly SceneInfo[]): Template[] {
  return all
    .filter(({ name }) => name !== 'room' && !scenes.some((one) => one.name === name))
    .map((own) => ({ name: own.name, icon: Shapes, live: own.features.likes === true, own }))
}

/** What a template is called, and what it is, in the page's language. */
export function wordsOf({ name, own }: Template): { title: string; hint: string } {
  if (own) return { title: own.title[language()] || own.title.en || name, hint: own.summary[language()] || own.summary.en }
  return name === 'show' ? { title: t().home.show, hint: t().home.showHint } : t().home.scenes[name as keyof ReturnType<typeof t>['home']['scenes']]
}
