import { expect, test } from 'vitest'
import { addRecent, type RecentRoom } from './remember'

const entry = (change: Partial<RecentRoom>): RecentRoom => ({ room: 'friday', title: 'Friday', key: 'guest', host: false, at: 1, ...change })

test.each([
  ['a guest’s key does not replace the host’s', entry({ key: 'host', host: true }), entry({ at: 2 }), { key: 'host', host: true }],
  ['watching does not replace having been in', entry({}), entry({ key: '', watched: true, at: 2 }), { key: 'guest' }],
  ['being in replaces having watched', entry({ key: '', watched: true }), entry({ at: 2 }), { key: 'guest', watched: undefined }],
  ['the host’s key replaces a guest’s', entry({}), entry({ key: 'host', host: true, at: 2 }), { key: 'host', host: true }],
])('%s', (_, before, now, wanted) => {
  const [first, second] = addRecent([entry({ room: 'other' }), before], now)
  expect({ ...first, watched: first?.watched }).toMatchObject({ room: 'friday', at: 2, ...wanted })
  expect(second?.room).toBe('other')
})
