import type { Notice } from '../api/types'
import { t } from '../i18n/index.svelte'

/** A warning in the reader's words; the server's English where there are none yet. */
export function warningText(warning: Notice): string {
  return t().live.warnings[warning.code] ?? warning.text
}
