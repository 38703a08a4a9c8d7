import { t } from '../i18n/index.svelte'
import type { Trouble } from './api'

/** Why another server is not reached, for people; empty when nothing is the matter. */
export function whyOf({ reason, code }: Trouble): string {
  if (!reason) return ''
  return code ? `${t().broadcast.pushErrors[reason]} (${code})` : t().broadcast.pushErrors[reason]
}
