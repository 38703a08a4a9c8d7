import type { AudienceRole, Scene, Words } from '../audience/protocol'
import { language, t } from '../i18n/index.svelte'

const inOurs = (words: Words | undefined): string | undefined => words?.[language()] ?? words?.en

/** What a scene says for one of its texts in the page's language; undefined where it says nothing. */
export function said(scene: Scene | undefined, text: string): string | undefined {
  return inOurs(scene?.texts?.[text])
}

/** What somebody with a role is called: a teacher, a matchmaker. */
export function roleWord(scene: Scene | undefined, role: AudienceRole): string {
  return inOurs(scene?.roles?.[role]) ?? t().audience.roles[role]
}
