import { en, type Dictionary } from './en'
import { zh } from './zh'

export type Language = 'en' | 'zh'

const dictionaries: Record<Language, Dictionary> = { en, zh }
const storageKey = 'tutti.language'

/** The language of the first of the reader's languages that we have; English otherwise. */
export function detectLanguage(stored: string | null, preferred: readonly string[]): Language {
  if (stored === 'en' || stored === 'zh') return stored
  for (const tag of preferred) {
    const primary = tag.toLowerCase().split('-')[0]
    if (primary === 'zh' || primary === 'en') return primary
  }
  return 'en'
}

function stored(): string | null {
  try {
    return localStorage.getItem(storageKey)
  } catch {
    return null
  }
}

let current = $state<Language>(
  typeof navigator === 'undefined' ? 'en' : detectLanguage(stored(), navigator.languages),
)

/** The texts in the chosen language; reading it in a template follows a change of language. */
export function t(): Dictionary {
  return dictionaries[current]
}

export function language(): Language {
  return current
}

export function setLanguage(next: Language) {
  current = next
  document.documentElement.lang = next === 'zh' ? 'zh-CN' : 'en'
  try {
    localStorage.setItem(storageKey, next)
  } catch {
    // Private windows may refuse; the choice then lasts as long as the page.
  }
}

/** Sets the document's language at start without remembering it as a choice. */
export function applyLanguage() {
  document.documentElement.lang = current === 'zh' ? 'zh-CN' : 'en'
}
