import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { RecentRoom } from '../remember'
import { known } from './known'
import { CardPicture } from './picture.svelte'

const room = (change: Partial<RecentRoom> = {}): RecentRoom => ({ room: 'friday', title: 'Friday', key: 'guest-key', host: false, at: 1, ...change })
const hosted = room({ key: 'host-key', host: true })
const recording = { id: 'r1', title: 'Last Friday', state: 'done', published: true, play: '/play', picture: '/api/rooms/friday/recordings/r1/picture.jpg', startedAt: '2026-01-02T12:00:00Z', duration: 60 }

/** What the server answers, by the end of the path, and what it was asked. */
let answers: Record<string, unknown>
let asked: { url: string; key: string | undefined }[]
const summary = (live: object, publicWatch = false) => ({ room: 'friday', title: 'Friday', viewers: 3, publicWatch, live })
const refuse = (status: number) => new Response('', { status })

beforeEach(() => {
  asked = []
  answers = { friday: summary({ on: true }), keys: { host: 'host-key', guest: 'guest-key', watch: 'watch-key' }, recordings: { recordings: [recording] } }
  vi.stubGlobal('fetch', async (url: string, { headers }: { headers: Record<string, string> }) => {
    asked.push({ url, key: headers['X-Tutti-Key'] })
    const answer = answers[url.split('/').at(-1)!]
    if (answer === undefined) throw new TypeError('the network is down')
    return answer instanceof Response ? answer.clone() : Response.json(answer)
  })
})
afterEach(() => void vi.unstubAllGlobals())

test('a host’s card opens with the key that watches, and no key is in an address that is asked for', async () => {
  for (const live of [true, false]) {
    answers.friday = summary({ on: live })
    const [card] = await known([hosted])
    expect(card).toMatchObject({ key: 'watch-key', title: live ? 'Friday' : 'Last Friday' })
    expect(JSON.stringify(card)).not.toContain('host-key')
  }
  expect(asked.map(({ url }) => url).join(' ')).not.toMatch(/key=|-key/)
  // Where all may watch nobody needs any.
  answers.friday = summary({ on: true }, true)
  expect((await known([hosted]))[0]!.key).toBe('')
})

test('who was let in, or only watched, has no other key than the own', async () => {
  expect((await known([room()]))[0]!.key).toBe('guest-key')
  expect((await known([room({ key: 'watch-key', watched: true })]))[0]!.key).toBe('watch-key')
  expect(asked.some(({ url }) => url.endsWith('/keys'))).toBe(false)
})

test('a card stays while the server cannot tell, and goes when there is nothing for this browser any more', async () => {
  const before = await known([room()])
  delete answers.friday
  expect(await known([room()], before)).toEqual(before)
  for (const status of [429, 500, 503]) {
    answers.friday = refuse(status)
    expect(await known([room()], before)).toEqual(before)
  }
  for (const status of [401, 403, 404]) {
    answers.friday = refuse(status)
    expect(await known([room()], before)).toEqual([])
  }
})

test('a show that is interrupted by a restart stays, and one that is over does not, whatever cannot be told', async () => {
  const before = await known([room()])
  answers.friday = summary({ on: false, returning: true })
  expect((await known([room()], before))[0]!.viewers).toBe(3)
  answers.friday = summary({ on: false })
  answers.recordings = refuse(503)
  expect(await known([room()], before)).toEqual([])
  answers.recordings = { recordings: [recording] }
  const past = await known([room()], before)
  expect(past).toMatchObject([{ title: 'Last Friday', duration: 60 }])
  answers.recordings = refuse(503)
  expect(await known([room()], past)).toEqual(past)
})

test('a picture shows its key in a header, changes while the show is on, and outlives a failure', async () => {
  let made = 0
  const revoked: string[] = []
  vi.spyOn(URL, 'createObjectURL').mockImplementation(() => `blob:${++made}`)
  vi.spyOn(URL, 'revokeObjectURL').mockImplementation((url) => void revoked.push(url))
  answers['snapshot.jpg'] = new Response('jpeg')
  answers['picture.jpg'] = new Response('jpeg')
  const [live] = await known([hosted])
  const picture = new CardPicture()
  await picture.look(live!)
  expect(asked.at(-1)).toEqual({ url: '/api/rooms/friday/snapshot.jpg', key: 'watch-key' })
  expect(picture.src).toBe('blob:1')
  await picture.look(live!)
  expect([picture.src, revoked]).toEqual(['blob:2', ['blob:1']])
  answers['snapshot.jpg'] = refuse(404)
  await picture.look(live!)
  expect(picture.src).toBe('blob:2')
  picture.drop() // what came could not be shown
  answers['snapshot.jpg'] = new Response('jpeg')
  await picture.look(live!)
  expect(picture.src).toBe('blob:3')

  answers.friday = summary({ on: false })
  const [past] = await known([hosted])
  await picture.look(past!)
  await picture.look(past!)
  expect(asked.filter(({ url }) => url === recording.picture)).toHaveLength(1)
  picture.drop()
  expect(picture.src).toBe('')
  expect(revoked).toEqual(['blob:1', 'blob:2', 'blob:3', 'blob:4'])
})
