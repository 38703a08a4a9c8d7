// Firefox and Chromium in one call. They differ in codecs, in how they negotiate, gather and count.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openBrowser } from '../lib/browser.mjs'
import { answer, assertClock, assertTones, call, eventually, plainAddresses } from '../lib/callers.mjs'
import { openFirefox } from '../lib/firefox.mjs'
import { address, goToIsland } from '../lib/island.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

const skip = await goToIsland(fileURLToPath(import.meta.url))
const signals = { ada: { colour: colours.red, tone: 440 }, bo: { colour: colours.green, tone: 660 } }

/** The hash of what somebody saves, as the page gives it to the browser. */
async function saved(who, file) {
  await who.page.evaluate(() => {
    const make = URL.createObjectURL
    URL.createObjectURL = (blob) => {
      window.given = blob.arrayBuffer().then((bytes) => crypto.subtle.digest('SHA-256', bytes))
      return make.call(URL, blob)
    }
  })
  await who.page.locator('.files li', { hasText: file }).getByRole('button', { name: 'Save' }).click()
  const hash = await eventually('it is saved', () => who.page.evaluate(async () => window.given && [...new Uint8Array(await window.given)]))
  return Buffer.from(hash).toString('hex')
}

async function sendFile(from, to, name) {
  const bytes = randomBytes(300_000)
  if ((await from.page.locator('.files').count()) === 0) await from.control(/^Files/).click()
  await from.page.locator('.files input[type=file]').setInputFiles({ name, mimeType: 'application/octet-stream', buffer: bytes })
  if ((await to.page.locator('.files').count()) === 0) await to.control(/^Files/).click()
  const row = to.page.locator('.files li', { hasText: name })
  await row.getByRole('button', { name: 'Accept' }).click()
  await row.getByText('Complete, checksum matches').waitFor()
  await from.page.locator('.files li', { hasText: name }).getByText('Arrived, checksum matches').waitFor()
  assert.equal(await saved(to, name), createHash('sha256').update(bytes).digest('hex'), name)
}

async function checkWords(who) {
  await who.control(/^How this call is connected/).click()
  await who.page.locator('.words li').first().waitFor()
  const words = [...(await who.page.locator('.words li').allTextContents()), await who.page.locator('.code').textContent()]
  await who.page.getByRole('button', { name: 'Close' }).click()
  return words
}

/** What everybody sends and everybody receives of pictures, e.g. 'video/VP8'. */
const pictureCodecs = (who, type) =>
  who.page.evaluate(async (wanted) => {
    const found = new Set()
    for (const peer of window.peers.filter((p) => p.connectionState === 'connected')) {
      const report = await peer.getStats()
      for (const r of report.values()) if (r.type === wanted && r.kind === 'video' && r.codecId) found.add(report.get(r.codecId).mimeType)
    }
    return [...found]
  }, type)

describe('Firefox and Chromium', { skip, timeout: 1_800_000 }, () => {
  let tutti, chromium, firefox
  before(async () => {
    tutti = await startTutti(undefined, { rtcAddress: address })
    ;[chromium, firefox] = await Promise.all([openBrowser({ args: plainAddresses }), openFirefox()])
  })
  after(async () => {
    await Promise.all([chromium?.close(), firefox?.close()])
    await tutti?.close()
  })

  for (const [caller, callee] of [['Firefox', 'Chromium'], ['Chromium', 'Firefox']]) {
    describe(`a call from ${caller} to ${callee}`, () => {
      let ada, bo
      let failed = false
      const step = (name, run) =>
        it(name, async (t) => {
          if (failed) return t.skip('an earlier step failed')
          failed = true
          await run(t)
          failed = false
        })
      const browserOf = (name) => (name === 'Firefox' ? firefox : chromium)
      after(() => Promise.all([ada?.leave(), bo?.leave()]))

      step('connects, without the server in between', async () => {
        const room = await tutti.createRoom({ title: 'Tea' })
        const link = (key) => `${tutti.url}/c/${room.room}#k=${key}`
        ada = await call(browserOf(caller), link(room.keys.host), 'Ada', signals.ada)
        bo = await answer(browserOf(callee), link(room.keys.guest), 'Bo', signals.bo)
        await Promise.all([ada.onPath('direct'), bo.onPath('direct')])
        for (const who of [ada, bo]) await who.control('How this call is connected: Direct, end-to-end encrypted').waitFor()
      })

      step('shows and plays each to the other', async (t) => {
        await Promise.all([assertClock('Ada seen by Bo', () => bo.sees('Ada'), colours.red), assertClock('Bo seen by Ada', () => ada.sees('Bo'), colours.green)])
        await assertTones('Ada', ada.hears, [660])
        await assertTones('Bo', bo.hears, [440])
        t.diagnostic(`${caller} sends ${await pictureCodecs(ada, 'outbound-rtp')}, ${callee} ${await pictureCodecs(bo, 'outbound-rtp')}`)
      })

      step('shows both the same check words', async () => {
        const [ours, theirs] = await Promise.all([checkWords(ada), checkWords(bo)])
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

      step('carries a file both ways', async () => {
        await sendFile(ada, bo, 'from-ada.bin')
        await sendFile(bo, ada, 'from-bo.bin')
      })

      step('shows the screen of Chromium in Firefox', async () => {
        const [sharer, viewer] = caller === 'Chromium' ? [ada, bo] : [bo, ada]
        await sharer.page.evaluate(() => (navigator.mediaDevices.getDisplayMedia = async () => new MediaStream([window.signal.picture()])))
        await sharer.control('Share the screen').click()
        await assertClock('the screen', () => viewer.sees(sharer.name, 'screen'), sharer === ada ? colours.red : colours.green)
        await sharer.control('Stop sharing').click()
        await eventually('the screen is gone', async () => (await viewer.tile(sharer.name, 'screen').count()) === 0)
      })

      step('goes on while a WebSocket is cut, which is then resumed', async () => {
        for (const [cut, other] of [[ada, bo], [bo, ada]]) {
          const before = await cut.page.evaluate(() => window.sockets.length)
          await cut.page.evaluate(() => window.sockets.findLast((s) => s.readyState === WebSocket.OPEN).close(4000, 'cut by the test'))
          await eventually('a new WebSocket is open', () =>
            cut.page.evaluate((n) => window.sockets.length > n && window.sockets.at(-1).readyState === WebSocket.OPEN, before),
          )
          await cut.page.getByRole('button', { name: 'Mute', exact: true }).click()
          await other.tile(cut.name).getByText('Microphone off').waitFor({ state: 'attached' })
          await cut.page.getByRole('button', { name: 'Unmute', exact: true }).click()
          assert.equal(await cut.page.evaluate(() => window.peers.length), 1, 'the connection is the same')
        }
        await Promise.all([assertClock('Bo seen by Ada', () => ada.sees('Bo'), colours.green), assertClock('Ada seen by Bo', () => bo.sees('Ada'), colours.red)])
      })

      step('tells who remains that the other has hung up, and complains about nothing', async () => {
        await bo.hangUp()
        await ada.page.getByRole('heading', { name: 'Bo left' }).waitFor()
        for (const who of [ada, bo]) assert.deepEqual(who.page.complaints, [], who.name)
      })
    })
  }
})
