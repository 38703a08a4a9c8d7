// A show from the home page on: guests, viewers over every protocol, and a viewer who comes up. What viewers see is read from the colours of
// the program: everybody on stage has one.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openPeople } from '../lib/browser.mjs'
import { assertTones, eventually, join, watch } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

/** Few and small pictures: what is looked at is whose they are. */
const signal = (colour, tone) => ({ colour: colours[colour], tone, width: 320, height: 180, rate: 8 })
const small = { viewport: { width: 900, height: 560 } }
const phone = { viewport: { width: 360, height: 640 }, phone: true }

describe('a show', { timeout: 600_000 }, () => {
  let tutti, rooms, seats, room, key, keys, ada, bo, cy, mei
  const viewers = {}

  const api = async (method, path, body) => {
    const response = await fetch(`${tutti.url}/api/rooms/${room}${path}`, {
      method, headers: { 'X-Tutti-Key': key, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body),
    })
    const answer = response.headers.get('content-type')?.includes('json') ? await response.json() : undefined
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${JSON.stringify(answer)}`)
    return answer
  }

  /** Every viewer's picture has these colours in it and none of those. */
  const allSee = async (what, has, hasNot = []) => {
    const all = [...has, ...hasNot].map((name) => colours[name])
    await Promise.all(Object.entries(viewers).map(([name, viewer]) =>
      eventually(`${name} sees ${what}`, async () => {
        const found = await viewer.shares(all)
        const right = found.every((share, i) => (i < has.length ? share > 0.03 : share < 0.01))
        return right || Promise.reject(new Error(`${[...has, ...hasNot].map((c, i) => `${c} ${found[i].toFixed(2)}`)}`))
      }),
    ))
  }
  const button = (who, name) => who.page.getByRole('button', { name, exact: typeof name === 'string' })
  const message = (who, text) => who.page.locator('[data-message]', { hasText: text })

  before(async () => {
    tutti = await startTutti()
    const home = async (page) => {
      await page.goto(tutti.url)
      await page.getByRole('button', { name: 'Start a show' }).click()
      await page.getByLabel('Title').fill('Night show')
      await page.getByRole('button', { name: 'Prepare the show' }).click()
      await page.waitForURL(/\/r\//)
      const { pathname, hash } = new URL(page.url())
      room = pathname.split('/').pop()
      key = new URLSearchParams(hash.slice(1)).get('k')
    }
    rooms = await openPeople([{}, small, small])
    seats = await openPeople([small, phone, phone])
    ada = await join(rooms.people[0], home, 'Ada', signal('red', 440))
    keys = await api('GET', '/keys')
  })
  after(async () => {
    await rooms?.close()
    await seats?.close()
    await tutti?.close()
  })

  it('goes on the air when its host has looked at the checklist', async () => {
    await ada.page.getByText('Your camera is on').waitFor()
    await button(ada, 'Start').click()
    await ada.page.locator('.chip', { hasText: 'LIVE' }).waitFor()
    assert.equal((await api('GET', '/program')).orientation, 'portrait')
    await api('PATCH', '/program', { height: 360, fps: 8 })
  })

  it('is watched over WHEP, FLV and HLS, and on phones', async () => {
    const url = `${tutti.url}/w/${room}`
    for (const way of ['whep', 'flv', 'hls']) viewers[way] = await watch(seats.people[0], url, way)
    mei = viewers['whep on a phone'] = await watch(seats.people[1], url, '', { name: 'Mei', signal: signal('yellow', 1320) })
    viewers['hls on a phone'] = await watch(seats.people[2], url, 'hls')
    for (const viewer of Object.values(viewers)) await viewer.plays()
    assert.deepEqual(await Promise.all(Object.values(viewers).map((v) => v.protocol())), ['whep', 'flv', 'hls', 'whep', 'hls'])
    await allSee('the host', ['red'])
  })

  it('takes up two guests, and everybody sees and hears all three', async () => {
    const link = `${tutti.url}/r/${room}#k=${keys.guest}`
    bo = await join(rooms.people[1], link, 'Bo', signal('green', 660))
    cy = await join(rooms.people[2], link, 'Cy', signal('blue', 880))
    for (const guest of [bo, cy]) {
      await guest.control('Raise hand').click()
      await button(ada, `Let up: ${guest.name}`).click()
      await guest.control('Unmute').click()
      await guest.control('Turn the camera on').click()
    }
    await allSee('all three', ['red', 'green', 'blue'])
    await Promise.all(['whep', 'flv', 'hls'].map((way) => assertTones(way, viewers[way].hears, [440, 660, 880])))
  })

  it('lets a viewer up who raised a hand, shows her to everybody, and takes her down again', async () => {
    await button(mei, 'Raise hand').click()
    await button(ada, 'Let up: Mei').click()
    delete viewers['whep on a phone'] // she sees the stage itself meanwhile
    await mei.page.locator('.page[data-seat=on]').waitFor()
    await allSee('Mei too', ['red', 'green', 'blue', 'yellow'])
    await ada.tile('Mei').waitFor()
    await button(mei, 'Step down').click()
    await mei.page.locator('.page[data-seat=""]').waitFor()
    viewers['whep on a phone'] = mei
    await allSee('that Mei is gone', ['red', 'green', 'blue'], ['yellow'])
    await ada.tile('Mei').waitFor({ state: 'detached' })
  })

  it('carries what a viewer says to the host, once they gave a name', async () => {
    const viewer = viewers.flv
    await viewer.page.getByRole('textbox', { name: 'Say something…' }).fill('hello')
    await viewer.page.keyboard.press('Enter')
    await viewer.page.getByRole('textbox', { name: 'Your name' }).fill('Ned')
    await viewer.page.getByRole('button', { name: 'Continue' }).click()
    await message(viewer, 'hello').waitFor()
    await ada.control('Chat, 1 new message').click()
    await message(ada, 'hello').waitFor()
  })

  it('was complained about by nobody', () => {
    assert.deepEqual(mei.page.complaints, [])
  })
})
