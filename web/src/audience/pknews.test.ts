import { describe, expect, it } from 'vitest'
import { pkNews, recordingNews } from './pknews'
import type { PK } from './protocol'

const contest = (state: PK['state']): PK => ({ state, with: { room: 'day', title: 'Day' }, scores: { us: 20, them: 12 } })

describe('what is said when a contest is gone', () => {
  it.each<[string, PK['state'], string | undefined, boolean, string | undefined]>([
    ['ended by the own host', 'running', 'night', false, 'PK is over 20 : 12'],
    ['ended by the other', 'running', 'day', false, 'Day ended the PK 20 : 12'],
    ['the other show is gone', 'running', undefined, true, 'PK is over 20 : 12'],
    ['declined', 'inviting', 'day', true, 'Day declined the challenge'],
    ['not answered', 'inviting', undefined, true, 'Day did not answer the challenge'],
    ['taken back', 'inviting', 'night', true, undefined],
    ['taken back by the other', 'invited', 'day', true, 'Day took the challenge back'],
    ['declined here', 'invited', 'night', true, undefined],
    ['an invitation that viewers know nothing of', 'inviting', 'day', false, undefined],
    ['after its result', 'over', 'day', true, undefined],
  ])('%s', (_, state, endedBy, directs, want) => expect(pkNews(contest(state), endedBy, directs)).toBe(want))
})

describe('what is said of the other show’s recording', () => {
  const recorded = (pk: PK): PK => ({ ...pk, with: { ...pk.with, recorded: true } })
  const [invited, running, over] = (['invited', 'running', 'over'] as const).map(contest) as [PK, PK, PK]
  it.each<[string, PK | undefined, PK | undefined, string | undefined]>([
    ['it begins', running, recorded(running), 'Day is recording the PK.'],
    ['it was there before', recorded(invited), recorded(running), 'Day is recording the PK.'],
    ['who comes into it', undefined, recorded(running), 'Day is recording the PK.'],
    ['it ends', recorded(running), running, 'Day is not recording any more.'],
    ['nothing is shown there yet', invited, recorded(invited), undefined],
    ['it goes on', recorded(running), recorded(over), undefined],
    ['they have parted', recorded(over), undefined, undefined],
  ])('%s', (_, before, now, want) => expect(recordingNews(before, now)).toBe(want))
})
