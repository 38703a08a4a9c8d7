import Briefcase from '@lucide/svelte/icons/briefcase'
import GraduationCap from '@lucide/svelte/icons/graduation-cap'
import HeartHandshake from '@lucide/svelte/icons/heart-handshake'
import MicVocal from '@lucide/svelte/icons/mic-vocal'
import Presentation from '@lucide/svelte/icons/presentation'
import Radio from '@lucide/svelte/icons/radio'
import Shapes from '@lucide/svelte/icons/shapes'
import type { SceneInfo } from '../api/types'
import { language, t } from '../i18n/index.svelte'

type Ours = keyof ReturnType<typeof t>['home']['scenes']

/** A kind of room that a person picks. */
export interface Template {
  name: string
  icon: typeof Radio
  /** It is made to be watched, so it begins with going live. */
  live: boolean
  /** What the server says of it; an operator may have replaced one of ours. */
  info?: SceneInfo | undefined
}

export const scenes: readonly (Template & { name: Ours })[] = [
  { name: 'show', icon: Radio, live: true },
  { name: 'class', icon: GraduationCap, live: false },
  { name: 'conference', icon: Presentation, live: false },
  { name: 'karaoke', icon: MicVocal, live: true },
  { name: 'match', icon: HeartHandshake, live: true },
  { name: 'team', icon: Briefcase, live: false },
]

/** What is offered by a server that knows these kinds: ours, then what the operator added. */
export function offered(all: readonly SceneInfo[]): Template[] {
  const added = all.filter(({ name }) => name !== 'room' && !isOurs(name))
  return [
    ...scenes.map((one) => ({ ...one, info: all.find(({ name }) => name === one.name) })),
    ...added.map((info) => ({ name: info.name, icon: Shapes, live: info.features.likes === true, info })),
  ]
}

export function isOurs(name: string): boolean {
  return scenes.some((one) => one.name === name)
}

/** What a template is called, and what it is, in the page's language: in the server's words, and in ours, the same, before it has answered. */
export function wordsOf({ name, info }: Template): { title: string; hint: string } {
  if (info) return { title: info.title[language()] || info.title.en || name, hint: info.summary[language()] || info.summary.en }
  return t().home.scenes[name as Ours]
}
