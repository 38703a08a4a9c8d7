// A match-making room: two of the audience ask for the seats, are seen, go into a room of their own and come back.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openPeople } from '../lib/browser.mjs'
import { alike, assertTones, eventually, join } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

const tones = { ada: 440, bo: 1100, cy: 1700 }
const signal = (colour, tone) => ({ colour: colours[colour], tone, width: 320, height: 180, rate: 8 })

describe('a match-making room', { timeout: 1_800_000 }, () => {
  let server, browser, room, ada, bo, cy, di, sat
  const button = (who, name) => who.page.getByRole('button', { name, exact: typeof name === 'string' })
  /** Who sits where, as the room tells it. */
  const seats = async () => {
    const response = await fetch(`${server.url}/api/rooms/${room.room}/stage`, { headers: { 'X-Tutti-Key': room.keys.host } })
    return (await response.json()).seats.map(({ who }) => who?.name)
  }
  /** They are on their seats, seen and heard, and what they sent before is sent again. */
  const back = async () => {
    for (const who of [bo, cy]) {
      await connected(who)
      await button(who, 'Back to the main room').waitFor({ state: 'detached' })
      await di.tile(who.name).waitFor()
    }
    await assertTones('Di', di.hears, Object.values(tones))
    for (const [who, colour] of [[bo, colours.green], [cy, colours.blue]]) {
      await eventually(`Di sees ${who.name}`, async () => alike((await di.sees(who.name)).colour, colour))
    }
    assert.deepEqual((await seats()).filter(Boolean), ['Bo', 'Cy'])
    assert.deepEqual(await seats(), sat)
  }
  const connected = (who) => who.page.waitForSelector('.room[data-phase=connected]')
  const silent = async (what, hears, list) => {
    const levels = await hears(list)
    assert.ok(levels.every((level) => level < -60), `${what}: ${levels}`)
  }

  before(async () => {
    server = await startTutti()
    browser = await openPeople([{}, {}, {}, {}])
    room = await server.createRoom({ title: 'Saturday', scene: 'match' })
    const link = (key) => `${server.url}/r/${room.room}#k=${key}`
    ada = await join(browser.people[0], link(room.keys.host), 'Ada', signal('red', tones.ada))
    bo = await join(browser.people[1], link(room.keys.guest), 'Bo', signal('green', tones.bo))
    cy = await join(browser.people[2], link(room.keys.guest), 'Cy', signal('blue', tones.cy))
    di = await join(browser.people[3], link(room.keys.guest), 'Di')
  })
  after(async () => {
    await browser?.close()
    await server?.close()
  })

  it('has the matchmaker bring up two who asked for a seat', async () => {
    for (const who of [bo, cy]) await who.control('Ask for a seat').click()
    await button(ada, '2 hands up').click()
    for (const who of [bo, cy]) {
      await button(ada, `Let up: ${who.name}`).click()
      await who.control('Unmute').click()
      await who.control('Turn the camera on').click()
      await di.tile(who.name).waitFor()
    }
    await assertTones('Di', di.hears, Object.values(tones))
    assert.equal(await di.tile('Di').count(), 0, 'who listens is on the stage')
    sat = await seats()
  })

  it('sends the two into a room of their own, where nobody else hears them', async () => {
    await ada.control('Side room').click()
    await button(ada, 'Send the two there').click()
    for (const who of [bo, cy]) await button(who, 'Back to the main room').waitFor()
    for (const who of [bo, cy]) await connected(who)
    await assertTones('Bo', bo.hears, [tones.cy])
    await assertTones('Cy', cy.hears, [tones.bo])
    await silent('the pair hears the matchmaker', bo.hears, [tones.ada])
    await di.page.getByText(/^(Bo and Cy|Cy and Bo) talk in private/).waitFor()
    await silent('the audience hears the pair', di.hears, [tones.bo, tones.cy])
    await assertTones('Di', di.hears, [tones.ada])
    await eventually('the matchmaker sees that both are there', async () => (await ada.page.getByText('is here', { exact: true }).count()) === 2)
  })

  it('brings them back to their seats', async () => {
    await button(ada, 'Bring them back').click()
    await ada.page.getByText('They were called').waitFor()
    await di.page.getByText('talk in private').waitFor({ state: 'detached' })
    await back()
  })

  it('lets the two come back by themselves', async () => {
    await button(ada, 'Send the two there').click()
    for (const who of [bo, cy]) {
      await connected(who)
      await button(who, 'Back to the main room').click()
    }
    await back()
    for (const who of [ada, bo, cy, di]) assert.deepEqual(who.page.complaints, [], who.name)
  })
})
