// Two shows contend: each one's program has both hosts side by side, gifts and likes of both audiences count, and it ends for both when one
// host calls it off or leaves. What viewers see and hear is read from the two programs.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openPeople } from '../lib/browser.mjs'
import { assertNoTones, assertTones, eventually, join, watch } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

const tones = { ada: 440, dan: 1760 }
const signal = (colour, tone) => ({ colour: colours[colour], tone, width: 320, height: 180, rate: 8 })
const small = { viewport: { width: 900, height: 560 } }

describe('two shows', { timeout: 1_800_000 }, () => {
  let tutti, browser, night, day, ada, dan, lin, mo, chosen, kept
  /** By show and protocol. */
  const viewers = { night: {}, day: {} }
  const all = () => Object.entries(viewers).flatMap(([show, ways]) => Object.entries(ways).map(([way, viewer]) => [`${way} of the ${show} show`, viewer, show]))

  const api = async (of, method, path, body) => {
    const response = await fetch(`${tutti.url}/api/rooms/${of.room}${path}`, {
      method, headers: { 'X-Tutti-Key': of.keys.host, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body),
    })
    const answer = response.headers.get('content-type')?.includes('json') ? await response.json() : undefined
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${JSON.stringify(answer)}`)
    return answer
  }
  const ways = () => Promise.all(all().map(([, viewer]) => viewer.protocol()))
  const button = (who, name) => who.page.getByRole('button', { name, exact: typeof name === 'string' })
  const bar = (who, points) => who.page.getByRole('group', { name: points }).first()
  const both = [colours.red, colours.violet]

  /** Each program has the own host on the left and the other on the right, of about the same size, and both are heard. */
  const sideBySide = async () => {
    await Promise.all(all().map(([name, viewer, show]) => eventually(`${name}: both hosts side by side`, async () => {
      const [red, violet] = await viewer.places(both)
      const [left, right] = show === 'night' ? [red, violet] : [violet, red]
      const beside = left.share > 0.05 && right.share > 0.05 && left.x < 0.45 && right.x > 0.55 && Math.abs(left.y - right.y) < 0.12 && left.share < 1.6 * right.share && right.share < 1.6 * left.share
      return beside || Promise.reject(new Error(JSON.stringify({ left, right })))
    })))
    await Promise.all(all().map(([name, viewer]) => assertTones(name, viewer.hears, Object.values(tones))))
  }
  const apart = (list) => Promise.all(list.map(async ([name, viewer, show]) => {
    await eventually(`${name}: only the own host`, async () => {
      const [red, violet] = await viewer.shares(both)
      const [own, other] = show === 'night' ? [red, violet] : [violet, red]
      return (own > 0.05 && other < 0.01) || Promise.reject(new Error(`${own.toFixed(2)}, ${other.toFixed(2)}`))
    })
    await assertTones(name, viewer.hears, [show === 'night' ? tones.ada : tones.dan])
    await assertNoTones(name, viewer.hears, [show === 'night' ? tones.dan : tones.ada], show === 'night' ? tones.ada : tones.dan)
  }))
  const challenge = async () => {
    await button(ada, 'Challenge').click()
    await dan.page.getByText('Night challenges you').first().click()
    await button(dan, 'Accept').click()
    await ada.tile('Dan').waitFor()
    await dan.tile('Ada').waitFor()
  }

  before(async () => {
    tutti = await startTutti()
    browser = await openPeople([small, small, small, small])
    night = await tutti.createRoom({ title: 'Night', scene: 'show' })
    day = await tutti.createRoom({ title: 'Day', scene: 'show' })
    ada = await join(browser.people[0], `${tutti.url}/r/${night.room}#k=${night.keys.host}`, 'Ada', signal('red', tones.ada))
    dan = await join(browser.people[1], `${tutti.url}/r/${day.room}#k=${day.keys.host}`, 'Dan', signal('violet', tones.dan))
    for (const [of, title, who] of [[night, 'Night', ada], [day, 'Day', dan]]) {
      await eventually(`${who.name} is seen`, () => who.sees(who.name))
      await api(of, 'POST', '/live', { title })
      await api(of, 'PATCH', '/program', { height: 360, fps: 8 })
      await who.page.locator('.chip', { hasText: 'LIVE' }).waitFor()
    }
    for (const way of ['whep', 'flv', 'hls']) viewers.night[way] = await watch(browser.people[2], `${tutti.url}/w/${night.room}`, way, { name: 'Lin' })
    for (const way of ['whep', 'flv']) viewers.day[way] = await watch(browser.people[3], `${tutti.url}/w/${day.room}`, way, { name: 'Mo' })
    lin = viewers.night.flv
    mo = viewers.day.whep
    for (const [, viewer] of all()) await viewer.plays()
    chosen = await ways()
  })
  after(async () => {
    await browser?.close()
    await tutti?.close()
  })

  it('show both hosts side by side once one has accepted the other’s challenge', async () => {
    await ada.tool('PK')
    await ada.page.getByLabel('The other room').fill('nobody-is-there')
    await button(ada, 'Challenge').click()
    await ada.page.getByText('There is no show on the air in that room.').waitFor()
    await ada.page.getByLabel('The other room').fill(`${tutti.url}/w/${day.room}`)
    await challenge()
    await sideBySide()
  })

  it('count what both audiences give and like', async () => {
    for (const who of [ada, lin]) await bar(who, 'PK: Ada 0, Dan 0').waitFor()
    await button(lin, 'Gifts').click()
    await lin.page.getByRole('menuitem', { name: 'Rose' }).click()
    for (const who of [ada, lin]) await bar(who, 'PK: Ada 10, Dan 0').waitFor()
    await button(mo, 'Like').click()
    for (const who of [dan, mo]) await bar(who, 'PK: Dan 1, Ada 10').waitFor()
    assert.deepEqual((await api(night, 'GET', '/pk')).scores, { us: 10, them: 1 })
  })

  it('part when a host ends it, and both go on', async () => {
    const told = Promise.all([[ada, 'PK is over 10 : 1'], [lin, 'PK is over 10 : 1'], [dan, 'Night ended the PK 1 : 10'], [mo, 'Night ended the PK 1 : 10']]
      .map(([who, words]) => who.page.getByText(words).waitFor()))
    await button(ada, 'End PK').click()
    await ada.page.getByRole('dialog').getByRole('button', { name: 'End PK' }).click()
    await told
    for (const who of [ada, dan, lin, mo]) await bar(who, /^PK: /).waitFor({ state: 'detached' })
    await ada.tile('Dan').waitFor({ state: 'detached' })
    await dan.tile('Ada').waitFor({ state: 'detached' })
    await apart(all())
    for (const of of [night, day]) assert.equal((await api(of, 'GET', '/live')).on, true)
  })

  it('are not together any more when the server comes up again, and both go on', async () => {
    await ada.page.getByLabel('The other room').fill(day.room)
    await challenge()
    for (const who of [ada, dan, lin, mo]) await bar(who, /^PK: /).waitFor()
    await tutti.restart()
    for (const who of [ada, dan]) await who.page.locator('.chip', { hasText: 'LIVE' }).waitFor()
    for (const who of [ada, dan, lin, mo]) await bar(who, /^PK: /).waitFor({ state: 'detached' })
    await ada.tile('Dan').waitFor({ state: 'detached' })
    await dan.tile('Ada').waitFor({ state: 'detached' })
    await apart(all())
    for (const of of [night, day]) {
      assert.equal((await api(of, 'GET', '/live')).on, true)
      await assert.rejects(api(of, 'GET', '/pk'), /404.*no_pk/)
    }
  })

  it('part when one of the hosts ends the show and leaves', async () => {
    await ada.page.getByLabel('The other room').fill(day.room)
    await challenge()
    await sideBySide()
    kept = await ways()
    await dan.control('Leave').click()
    await button(dan, 'End the show and leave').click()
    for (const viewer of Object.values(viewers.day)) await viewer.page.getByText('The show is over').waitFor()
    await bar(ada, /^PK: /).waitFor({ state: 'detached' })
    await ada.tile('Dan').waitFor({ state: 'detached' })
    await apart(all().filter(([, , show]) => show === 'night'))
    for (const [name, viewer] of Object.entries(viewers.night)) await eventually(`${name} plays on`, async () => (await viewer.phase()) === 'playing')
    assert.equal((await api(night, 'GET', '/live')).on, true)
  })

  it('were watched all the way over what viewers chose, and complained about by nobody', async () => {
    assert.deepEqual(kept, chosen, 'a player was given up for another')
    for (const who of [ada, dan, ...all().map(([, viewer]) => viewer)]) assert.deepEqual(who.page.complaints, [])
  })
})
