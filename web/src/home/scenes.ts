import Briefcase from '@lucide/svelte/icons/briefcase'
import GraduationCap from '@lucide/svelte/icons/graduation-cap'
import HeartHandshake from '@lucide/svelte/icons/heart-handshake'
import MicVocal from '@lucide/svelte/icons/mic-vocal'
import Presentation from '@lucide/svelte/icons/presentation'
import Radio from '@lucide/svelte/icons/radio'

export type SceneName = 'show' | 'class' | 'conference' | 'karaoke' | 'match' | 'team'

/** The kinds of rooms that a person picks from. Those that are made to be watched begin with going live. */
export const scenes = [
  { name: 'show', icon: Radio, live: true },
  { name: 'class', icon: GraduationCap, live: false },
  { name: 'conference', icon: Presentation, live: false },
  { name: 'karaoke', icon: MicVocal, live: true },
  { name: 'match', icon: HeartHandshake, live: true },
  { name: 'team', icon: Briefcase, live: false },
] as const
