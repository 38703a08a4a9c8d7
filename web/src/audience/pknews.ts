import { t } from '../i18n/index.svelte'
import type { PK } from './protocol'

/**
 * What is to be said when a contest is gone: that it was broken off to everybody, what became of an invitation to those who direct. Undefined
 * where that is known already: who won was shown for a while, and who ended an invitation knows.
 */
export function pkNews(before: PK, endedBy: string | undefined, directs: boolean): string | undefined {
  const { state, with: { room, title }, scores } = before
  const other = title || room
  switch (state) {
    case 'running':
      return `${endedBy === room ? t().audience.pkEndedBy(other) : t().audience.pkOver} ${scores.us} : ${scores.them}`
    case 'inviting':
      if (!directs || (endedBy && endedBy !== room)) return undefined
      return endedBy ? t().audience.pkDeclined(other) : t().audience.pkUnanswered(other)
    case 'invited':
      return directs && endedBy === room ? t().audience.pkWithdrawn(other) : undefined
    default:
      return undefined
  }
}

/** What is to be said to those on stage when the other show begins or ends to be recorded, and so whom of them it shows. */
export function recordingNews(before: PK | undefined, now: PK | undefined): string | undefined {
  const recorded = (pk: PK | undefined) => pk?.with.recorded === true && (pk.state === 'running' || pk.state === 'over')
  if (!now || recorded(before) === recorded(now)) return undefined
  const other = now.with.title || now.with.room
  return recorded(now) ? t().audience.pkRecorded(other) : t().audience.pkNotRecorded(other)
}
