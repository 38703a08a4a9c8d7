import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../lib/browser.mjs'
import { answer, assertClock, call, eventually, plainAddresses, watchGaps } from '../lib/callers.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

describe('a call whose server goes', { timeout: 1_800_000 }, () => {
  let tutti, browser, room, ada, bo
  const link = (key) => `${tutti.url}/c/${room.room}#k=${key}`

  before(async () => {
    tutti = await startTutti()
    browser = await openBrowser({ args: plainAddresses })
    room = await tutti.createRoom({ title: 'Tea' })
    ada = await call(browser, link(room.keys.host), 'Ada', { colour: colours.red, tone: 440 })
    const other = await openBrowser({ args: plainAddresses })
    bo = await answer(other, link(room.keys.guest), 'Bo', { colour: colours.green, tone: 660 })
    bo.browser = other
    await Promise.all([ada.onPath('direct'), bo.onPath('direct')])
  })
  after(async () => {
    await Promise.all([browser, bo?.browser].map((b) => b?.close()))
    await tutti?.close()
  })

  it('goes on without it, and with a new one', async (t) => {
    const both = [ada, bo]
    const gaps = await watchGaps(ada, bo)
    // Every change of what a page shows as its state is noted, so that none is missed between two looks.
    for (const who of both) {
      await who.page.evaluate(() => {
        window.phases = []
        const view = document.querySelector('.call')
        new MutationObserver(() => window.phases.push(view.dataset.phase)).observe(view, { attributeFilter: ['data-phase'] })
      })
    }
    await tutti.stop()
    for (const who of both) await who.page.getByText('The server cannot be reached. Your call goes on without it.').waitFor()
    await assertClock('Ada seen by Bo', () => bo.sees('Ada'), colours.red)
    await bo.say('Still here')
    await ada.control('Chat, 1 new message').click()
    await ada.page.getByText('Still here', { exact: true }).waitFor()

    await tutti.start()
    for (const who of both) {
      await eventually(`${who.name} has a new connection, and only that`, () =>
        who.page.evaluate(() => window.peers.length === 2 && window.peers[0].connectionState === 'closed' && window.peers[1].connectionState === 'connected'),
      )
    }
    const longest = await gaps()
    for (const who of both) {
      const gap = longest[who.name]
      t.diagnostic(`longest gap for ${who.name}: ${gap} ms`)
      assert.ok(gap < 1000, `a gap of ${gap} ms for ${who.name}`)
      assert.deepEqual([...new Set(await who.page.evaluate(() => window.phases))].filter((phase) => phase !== 'connected'), [], `${who.name} saw nothing but a connected call`)
    }
    await Promise.all([assertClock('Bo seen by Ada', () => ada.sees('Bo'), colours.green), assertClock('Ada seen by Bo', () => bo.sees('Ada'), colours.red)])
    await ada.say('Back again')
    await bo.page.getByText('Back again', { exact: true }).waitFor()
    // The new server knows what each sends.
    await bo.page.getByRole('button', { name: 'Mute', exact: true }).click()
    await ada.tile('Bo').getByText('Microphone off').waitFor({ state: 'attached' })
    for (const who of both) assert.deepEqual(who.page.complaints, [], `complaints of ${who.name}`)
  })
})
