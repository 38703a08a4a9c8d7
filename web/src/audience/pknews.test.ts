import { describe, expect, it } from 'vitest'
import { pkNews } from './pknews'
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
