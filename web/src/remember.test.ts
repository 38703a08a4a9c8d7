import { expect, test } from 'vitest'
import { addRecent, type RecentRoom } from './remember'

const entry = (change: Partial<RecentRoom>): RecentRoom => ({ room: 'friday', title: 'Friday', key: 'guest', host: false, at: 1, ...change })

test.each([
  ['a guest’s key does not replace the host’s', entry({ key: 'host', host: true }), entry({ at: 2 }), { key: 'host', host: true }],
  ['watching does not replace having been in', entry({}), entry({ key: '', watched: true, at: 2 }), { key: 'guest' }],
  ['being in replaces having watched', entry({ key: '', watched: true }), entry({ at: 2 }), { key: 'guest', watched: undefined }],
  ['watching without a key does not take the key that is known', entry({ key: 'watch', watched: true }), entry({ key: '', watched: true, at: 2 }), { key: 'watch', watched: true }],
  ['the host’s key replaces a guest’s', entry({}), entry({ key: 'host', host: true, at: 2 }), { key: 'host', host: true }],
])('%s', (_, before, now, wanted) => {
  const [first, second] = addRecent([entry({ room: 'other' }), before], now)
  expect({ ...first, watched: first?.watched }).toMatchObject({ room: 'friday', at: 2, ...wanted })
  expect(second?.room).toBe('other')
})

test('what was watched pushes out what was watched, and neither a host’s key nor a guest’s', () => {
  let list = [entry({ room: 'own', key: 'host', host: true }), entry({ room: 'guest' })]
  for (let i = 0; i < 20; i++) list = addRecent(list, entry({ room: `show-${i}`, key: '', watched: true }))
  expect(list.map(({ room }) => room)).toEqual(['show-19', 'show-18', 'show-17', 'show-16', 'show-15', 'show-14', 'show-13', 'show-12', 'own', 'guest'])
})
