// A whole show, from the home page to the end: guests, viewers over every protocol, a viewer who comes up, and what the host does with the
// picture and the audience. What viewers see is read from the colours of the program: everybody on stage has one.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openPeople } from '../lib/browser.mjs'
import { alike, assertTones, eventually, join, watch } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

/** Few and small pictures: what is looked at is whose they are. */
const signal = (colour, tone) => ({ colour: colours[colour], tone, width: 320, height: 180, rate: 8 })
const small = { viewport: { width: 900, height: 560 } }
const phone = { viewport: { width: 360, height: 640 }, phone: true }

describe('a show', { timeout: 1_800_000 }, () => {
  let tutti, rooms, seats, room, key, keys, ada, bo, cy, mei, ned
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
  const say = async (who, text) => {
    await who.page.getByRole('textbox', { name: 'Say something…' }).fill(text)
    await who.page.keyboard.press('Enter')
  }
  const pick = async (who, menu, item) => {
    await button(who, menu).first().click()
    await who.page.getByRole('menuitem', { name: item }).click()
  }
  const playing = async () => {
    // A busy machine holds a player up for a moment; one that began anew would be somewhere else, or stay behind.
    for (const [name, viewer] of Object.entries(viewers)) await eventually(`${name} plays on`, async () => (await viewer.phase()) === 'playing')
  }

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
    ned = viewers['hls on a phone'] = await watch(seats.people[2], url, 'hls', { name: 'Ned' })
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
    const fit = await ned.page.locator('.player video').evaluate((video) => getComputedStyle(video).objectFit)
    assert.equal(fit, 'contain', 'on a phone nobody of several is cropped away')
    await Promise.all(['whep', 'flv', 'hls'].map((way) => assertTones(way, viewers[way].hears, [440, 660, 880])))
  })

  it('lets a viewer up who raised a hand, shows her to everybody, and takes her down again', async () => {
    // She goes up by herself after five seconds, which a busy machine may need to draw the question.
    const asked = () => mei.page.locator('.page:is([data-seat=preview], [data-seat=joining], [data-seat=on])').waitFor()
    const goesUp = async () => {
      await button(mei, 'Go up now').click({ timeout: 5000 }).catch(() => {})
      await mei.page.locator('.page[data-seat=on]').waitFor()
    }
    await button(mei, 'Raise hand').click()
    await button(ada, 'Let up: Mei').click()
    await asked()
    // What lies under the question cannot be used, by whatever means, and is there again once it is answered.
    const talk = mei.page.locator('.talk').first()
    assert.ok(await talk.evaluate((chat) => chat.inert || chat.closest('.page').dataset.seat !== 'preview'))
    delete viewers['whep on a phone'] // she sees the stage itself meanwhile
    await goesUp()
    assert.ok(!(await talk.evaluate((chat) => chat.inert)))
    await allSee('Mei too', ['red', 'green', 'blue', 'yellow'])
    await ada.tile('Mei').waitFor()
    // Her page loads again, and she is up again.
    await mei.page.reload()
    await asked()
    await goesUp()
    await eventually('Ada sees Mei', async () => alike((await ada.sees('Mei'))?.colour ?? [0, 0, 0], colours.yellow))
    await button(mei, 'Step down').click()
    await mei.page.locator('.page[data-seat=""]').waitFor()
    viewers['whep on a phone'] = mei
    await allSee('that Mei is gone', ['red', 'green', 'blue'], ['yellow'])
    await ada.tile('Mei').waitFor({ state: 'detached' })
  })

  it('changes its layout with the picker while everybody watches: by the host, and by a guest who was made co-host', async () => {
    const sizes = async (viewer) => (await viewer.shares([colours.red, colours.green, colours.blue])).toSorted((a, b) => b - a)
    const large = async (viewer) => {
      const found = await sizes(viewer)
      return found[0] > 3 * found[1] && found[2] > 0.01
    }
    const same = async (viewer) => {
      const found = await sizes(viewer)
      return found[0] < 2 * found[2] && found[2] > 0.02
    }
    await ada.control('Program').click()
    await ada.page.getByRole('radio', { name: 'Speaker' }).click()
    for (const [name, viewer] of Object.entries(viewers)) await eventually(`${name} sees one large`, () => large(viewer))
    // He came by a guest's link, so what he may do now he may by his own token.
    await pick(ada, /^More: Bo, Seat/, 'Make co-host')
    await bo.control('Program').click()
    await bo.page.getByRole('radio', { name: 'Grid' }).click()
    for (const [name, viewer] of Object.entries(viewers)) await eventually(`${name} sees all of one size`, () => same(viewer))
    await playing()
  })

  it('carries what viewers say, like and give, and what the host announces', async () => {
    await say(viewers.flv, 'good evening')
    await viewers.flv.page.getByRole('textbox', { name: 'Your name' }).fill('Lin')
    await button(viewers.flv, 'Continue').click()
    await ada.control('Chat, 1 new message').click()
    await message(ada, 'good evening').waitFor()
    await say(ned, 'me too')
    await message(ada, 'me too').waitFor()
    await say(ada, 'welcome')
    for (const viewer of [mei, ned, viewers.flv]) await message(viewer, 'welcome').waitFor()
    for (let i = 0; i < 3; i++) await button(ned, 'Like').click()
    await ada.page.getByText('3 likes').waitFor()
    await Promise.all([...[ada, mei, viewers.whep].map((who) => who.page.getByText('Ned sent Rose').waitFor()), pick(ned, 'Gifts', 'Rose')]) // it is shown in passing
    await ned.page.keyboard.press('Escape') // they can be given in a row
    await pick(ada, 'Tools', 'Moderation')
    await ada.page.getByLabel('Announce').fill('A song at nine')
    await button(ada, 'Show to everyone').click()
    for (const viewer of [mei, viewers.hls]) await viewer.page.getByText('A song at nine').waitFor()
  })

  it('asks viewers, and shows them the result', async () => {
    async function ask(question, songs) {
      await button(ada, 'New poll').click()
      await ada.page.getByLabel('Question').fill(question)
      for (const [i, song] of songs.entries()) await ada.page.getByLabel(`Answer ${i + 1}`).fill(song)
      await button(ada, 'Start the poll').click()
    }
    await pick(ada, 'Tools', 'Polls')
    await ask('Which song?', ['The sea', 'The shore'])
    await viewers.flv.page.getByRole('radio', { name: 'The shore' }).check()
    await button(ned, 'Poll · Which song?').click()
    await ned.page.getByRole('radio', { name: 'The sea' }).check()
    await button(ned, 'Vote').click()
    await ada.page.locator('.poll').getByText('1 vote', { exact: true }).waitFor()
    await ned.page.keyboard.press('Escape')
    await button(ada, 'Close the poll').click()
    await button(ned, 'Poll result · Which song?').click()
    await ned.page.getByRole('dialog').getByText('1 vote · Closed').waitFor()
    await ned.page.keyboard.press('Escape')
    await button(ned, 'Poll result · Which song?').waitFor({ state: 'detached' })
    await viewers.flv.page.getByText('1 vote · Closed').waitFor()
    await ask('And then?', ['The wind', 'The rain'])
    await viewers.flv.page.getByRole('radio', { name: 'The rain' }).waitFor()
    assert.equal(await viewers.flv.page.locator('.poll :checked').count(), 0) // what was chosen of the other songs is no choice of these
    await button(ada, 'Close the poll').click()
    await viewers.flv.page.getByText('0 votes · Closed').waitFor()
    await button(viewers.flv, 'Close: Poll result').click()
    await viewers.flv.page.getByText('And then?').waitFor({ state: 'detached' })
    await ada.control('Chat').click()
  })

  it('silences and bans whom the host wants, and takes it back', async () => {
    await pick(ada, /^More: Ned/, /^Silence/)
    const box = ned.page.getByRole('textbox', { name: 'Say something…' })
    await eventually('Ned cannot write', () => box.isDisabled())
    await pick(ada, 'Tools', 'Moderation')
    await button(ada, 'Let write again: Ned').click()
    await eventually('Ned can write again', () => box.isEnabled())
    await ada.press('Escape')
    await pick(ada, /^More: Ned/, 'Ban')
    await ada.page.getByRole('dialog').getByRole('button', { name: 'Ban' }).click()
    const banned = ned.page.getByText('You were banned from this room')
    await banned.waitFor()
    await ned.page.reload() // which helps nobody
    await banned.waitFor()
    await pick(ada, 'Tools', 'Moderation')
    await button(ada, 'Lift the ban: Ned').click()
    await ada.page.getByText('Nobody is silenced or banned.').waitFor()
    await ada.press('Escape')
  })

  it('keeps the host’s place and the show while the host’s page loads again', async () => {
    const { since } = await api('GET', '/live')
    await ada.reload()
    await ada.page.locator('.chip', { hasText: 'LIVE' }).waitFor()
    await ada.tile('Bo').waitFor()
    await allSee('all three', ['red', 'green', 'blue'])
    await playing()
    assert.equal((await api('GET', '/live')).since, since)
    const { host, seats: places } = await api('GET', '/stage')
    assert.equal(host.name, 'Ada')
    assert.deepEqual(places.filter((seat) => seat.who).map((seat) => seat.who.name), ['Bo', 'Cy'])
  })

  it('has whoever may come again back without their doing', async () => {
    // The page asks now and then, so much went on meanwhile.
    await ned.page.getByText('You were banned from this room').waitFor({ state: 'detached' })
    await eventually('Ned sees the show again', () => ned.page.locator('.player video').evaluate((video) => !video.paused && video.currentTime > 0))
    await say(ned, 'here again')
    for (const viewer of [mei, viewers.flv]) await message(viewer, 'here again').waitFor()
  })

  it('ends for everybody, and nothing was complained about', async () => {
    await ada.control('Leave').click()
    await button(ada, 'End the show and leave').click()
    for (const viewer of [mei, viewers.hls]) await viewer.page.getByText('The show is over').waitFor()
    for (const who of [ada, bo, cy, ...Object.values(viewers)]) assert.deepEqual(who.page.complaints, [])
  })
})
