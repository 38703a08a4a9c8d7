import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../lib/browser.mjs'
import { answer, assertClock, assertTones, call, eventually, open, plainAddresses, watchGaps } from '../lib/callers.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

const signals = { ada: { colour: colours.red, tone: 440 }, bo: { colour: colours.green, tone: 660 }, cy: { colour: colours.blue, tone: 880 } }

describe('a call between two', { timeout: 1_800_000 }, () => {
  let tutti, browsers, room, ada, bo, cy
  // Each step goes on from where the one before left off.
  let failed = false
  const step = (name, run) =>
    it(name, async (t) => {
      if (failed) return t.skip('an earlier step failed')
      failed = true
      await run(t)
      failed = false
    })
  const link = (key) => `${tutti.url}/c/${room.room}#k=${key}`

  before(async () => {
    tutti = await startTutti()
    browsers = await Promise.all([1, 2, 3].map(() => openBrowser({ args: plainAddresses })))
    room = await tutti.createRoom({ title: 'Tea' })
  })
  after(async () => {
    await Promise.all((browsers ?? []).map((browser) => browser.close()))
    await tutti?.close()
  })

  step('rings whoever opens the link, and connects them when they accept', async () => {
    ada = await call(browsers[0], link(room.keys.host), 'Ada', signals.ada)
    await ada.page.getByText('Send this link. Whoever opens it is called.').waitFor()
    bo = await open(browsers[1], link(room.keys.guest), 'Bo', signals.bo)
    await bo.page.getByRole('heading', { name: 'Ada is calling' }).waitFor()
    await ada.page.getByText('Bo has opened the link. Ringing…').waitFor()
    assert.equal((await bo.reports('media-source')).length, 0, 'no device is asked for before accepting')
    await bo.control('Accept').click()
    await Promise.all([ada.onPath('direct'), bo.onPath('direct')])
  })

  step('shows and plays each to the other, without the server in between', async () => {
    await Promise.all([assertClock('Ada seen by Bo', () => bo.sees('Ada'), colours.red), assertClock('Bo seen by Ada', () => ada.sees('Bo'), colours.green)])
    await assertTones('Ada', ada.hears, [660])
    await assertTones('Bo', bo.hears, [440])
    for (const who of [ada, bo]) {
      const pairs = await who.pairs()
      assert.equal(pairs.length, 1, `${who.name} has one connection`)
      assert.ok(pairs.flat().every((type) => type !== 'relay'), `${who.name}: ${JSON.stringify(pairs)}`)
      assert.deepEqual(await who.voices(), await who.voices().then((v) => v.slice(0, 1)), `${who.name} hears one voice`)
    }
    assert.equal((await tutti.participants?.(room.room)) ?? 0, 0)
  })

  step('shows both the same check words', async () => {
    const words = async (who) => {
      await who.control(/^How this call is connected/).click()
      await who.page.locator('.words li').first().waitFor()
      const list = await who.page.locator('.words li').allTextContents()
      const code = await who.page.locator('.code').textContent()
      await who.page.getByRole('button', { name: 'Close' }).click()
      return [...list, code]
    }
    const [ours, theirs] = await Promise.all([words(ada), words(bo)])
    assert.equal(ours.length, 7)
    assert.deepEqual(ours, theirs)
  })

  step('carries chat both ways', async () => {
    await ada.say('Hello 你好 <b>')
    await bo.control('Chat, 1 new message').click()
    await bo.page.getByText('Hello 你好 <b>', { exact: true }).waitFor()
    await bo.say('Loud and clear')
    await ada.page.getByText('Loud and clear', { exact: true }).waitFor()
  })

  step('goes on while the WebSocket is cut, which is then resumed', async () => {
    const gaps = await watchGaps(ada, bo)
    const before = await bo.page.evaluate(() => window.sockets.length)
    await bo.page.evaluate(() => window.sockets.findLast((s) => s.readyState === WebSocket.OPEN).close(4000, 'cut by the test'))
    await eventually('a new WebSocket is open', () =>
      bo.page.evaluate((n) => window.sockets.length > n && window.sockets.at(-1).readyState === WebSocket.OPEN, before),
    )
    // What is said to the server after it was resumed arrives.
    await bo.page.getByRole('button', { name: 'Mute', exact: true }).click()
    await ada.tile('Bo').getByText('Microphone off').waitFor({ state: 'attached' })
    await bo.page.getByRole('button', { name: 'Unmute', exact: true }).click()
    assert.equal(await bo.page.evaluate(() => window.peers.length), 1, 'the connection is the same')
    const { Bo: gap } = await gaps()
    assert.ok(gap < 1000, `a gap of ${gap} ms in Ada's picture`)
  })

  step('finds a new way when the network changes, without losing the picture', async () => {
    const user = () => bo.page.evaluate(() => /ice-ufrag:(\S+)/.exec(window.peers[0].localDescription.sdp)[1])
    const before = await user()
    const gaps = await watchGaps(ada, bo)
    await bo.page.evaluate(() => dispatchEvent(new Event('online')))
    await eventually('ICE was started anew', async () => (await user()) !== before)
    await eventually('and connected', () => bo.page.evaluate(() => ['connected', 'completed'].includes(window.peers[0].iceConnectionState)))
    await assertClock('Ada seen by Bo', () => bo.sees('Ada'), colours.red)
    const { Bo: gap } = await gaps()
    assert.ok(gap < 1500, `a gap of ${gap} ms in Ada's picture`)
  })

  step('moves to the server when a third one comes, and nothing stops', async (t) => {
    const gaps = await watchGaps(ada, bo)
    cy = await answer(browsers[2], link(room.keys.guest), 'Cy', signals.cy)
    await Promise.all([ada, bo, cy].map((who) => who.onPath('server')))
    await Promise.all([
      assertClock('Ada seen by Cy', () => cy.sees('Ada'), colours.red), assertClock('Bo seen by Cy', () => cy.sees('Bo'), colours.green),
      assertClock('Cy seen by Ada', () => ada.sees('Cy'), colours.blue), assertClock('Cy seen by Bo', () => bo.sees('Cy'), colours.blue),
      assertClock('Bo seen by Ada', () => ada.sees('Bo'), colours.green),
    ])
    await Promise.all([assertTones('Ada', ada.hears, [660, 880]), assertTones('Bo', bo.hears, [440, 880]), assertTones('Cy', cy.hears, [440, 660])])
    await ada.page.getByText('It is no longer end-to-end encrypted.').first().waitFor()
    await eventually('the direct connection has ended', () => ada.page.evaluate(() => window.peers[0].connectionState === 'closed'))
    for (const [name, gap] of Object.entries(await gaps())) {
      t.diagnostic(`longest gap for ${name}, from two to three: ${gap} ms`)
      assert.ok(gap < 2000, `a gap of ${gap} ms for ${name}`)
    }
    for (const who of [ada, bo]) {
      assert.equal(new Set(await who.voices()).size, (await who.voices()).length, 'nobody is heard twice')
    }
  })

  step('chats among three', async () => {
    await cy.say('Three now')
    for (const who of [ada, bo]) await who.page.getByText('Three now', { exact: true }).waitFor()
  })

  step('goes back to the direct way when two remain', async (t) => {
    const gaps = await watchGaps(ada, bo)
    await cy.hangUp()
    await cy.page.getByRole('heading', { name: 'You have hung up' }).waitFor()
    await Promise.all([ada.onPath('direct'), bo.onPath('direct')])
    await Promise.all([assertClock('Ada seen by Bo', () => bo.sees('Ada'), colours.red), assertClock('Bo seen by Ada', () => ada.sees('Bo'), colours.green)])
    await assertTones('Ada', ada.hears, [660])
    for (const [name, gap] of Object.entries(await gaps())) {
      t.diagnostic(`longest gap for ${name}, from three to two: ${gap} ms`)
      assert.ok(gap < 2000, `a gap of ${gap} ms for ${name}`)
    }
    await ada.say('Two again')
    await bo.page.getByText('Two again', { exact: true }).waitFor()
  })

  step('tells who waits when the other declines, with their word', async () => {
    await bo.hangUp()
    await ada.page.getByRole('heading', { name: 'Bo left' }).waitFor()
    const dan = await open(browsers[2], link(room.keys.guest), 'Dan', signals.cy)
    await dan.page.getByRole('heading', { name: 'Ada is calling' }).waitFor()
    await dan.page.getByLabel('A word when you decline (optional)').fill('In ten minutes')
    await dan.control('Decline').click()
    await dan.page.getByRole('heading', { name: 'You have declined' }).waitFor()
    await ada.page.getByText('Dan declined: “In ten minutes”').waitFor()
    await dan.leave()
  })

  step('says when a link does not open the call', async () => {
    const eve = await open(browsers[2], `${tutti.url}/c/${(await tutti.createRoom({ title: 'Other' })).room}#k=wrong`, 'Eve')
    await eve.page.getByRole('heading', { name: 'This link does not open the call' }).waitFor()
    await eve.leave()
    const fay = await open(browsers[2], `${tutti.url}/c/${'x'.repeat(80)}`, 'Fay')
    await fay.page.getByRole('heading', { name: 'There is no such call' }).waitFor()
    await fay.leave()
  })

  step('complains about nothing', () => {
    for (const who of [ada, bo, cy]) assert.deepEqual(who.page.complaints, [], who.name)
  })
})
