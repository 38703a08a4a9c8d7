import type { Scene } from '../audience/protocol'
import { language } from '../i18n/index.svelte'

/** What a scene says for one of its texts in the page's language; undefined where it says nothing. */
export function said(scene: Scene | undefined, text: string): string | undefined {
  const words = scene?.texts?.[text] as Partial<Record<string, string>> | undefined
  return words?.[language()] ?? words?.en
}
