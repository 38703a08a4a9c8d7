// A subscriber behind a narrow way: what Chromium gets of a picture in three layers while the way becomes narrow and wide again.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../lib/browser.mjs'
import { atPort, openLink } from '../lib/link.mjs'
import { eventually } from '../lib/people.mjs'
import { serveStatic } from '../lib/static.mjs'
import { token } from '../lib/token.mjs'
import { startTutti } from '../lib/tutti.mjs'
import { publish, received, shoot, watch as watchPage } from '../lib/watching.mjs'

describe('behind a narrow way', () => {
  let tutti, link, pages, sending, watching, viewer, directory

  before(async () => {
    tutti = await startTutti()
    link = await openLink(tutti.rtc, { rate: 3e6, delay: 20 })
    pages = await serveStatic(fileURLToPath(new URL('..', import.meta.url)), { policy: false })
    directory = mkdtempSync(join(tmpdir(), 'tutti-e2e-film-'))
    const film = shoot(directory)
    sending = await openBrowser({ args: [`--use-file-for-fake-video-capture=${film}`] })
    watching = await openBrowser()
    const enter = async (browser, identity, script) => {
      const page = await browser.page()
      if (script) await page.addInitScript(...script)
      await page.goto(`${pages.url}/pages/sdk.html`)
      await page.evaluate(() => window.load('livekit-client'))
      await page.evaluate((wish) => window.join(wish), {
        url: tutti.url.replace(/^http/, 'ws'), token: token({ keys: tutti.keys(), room: 'hall', identity }), library: 'livekit-client', options: { adaptiveStream: false },
      })
      return page
    }
    const publisher = await enter(sending, 'ada')
    await publisher.evaluate(publish)
    viewer = await enter(watching, 'bo', [atPort, { from: tutti.rtc, to: link.port }])
  })
  after(async () => {
    await sending?.close()
    await watching?.close()
    await pages?.close()
    link?.close()
    await tutti?.close()
    if (directory) rmSync(directory, { recursive: true, force: true })
  })

  const watch = (what, seconds) => watchPage(viewer, what, seconds, () => link.counts.dropped)
  const shows = (width, patience) => eventually(`the picture is ${width} wide`, async () => (await viewer.evaluate(received)).width === width, patience)

  it('fits the picture to 3, 0.7 and 3 Mbit/s, and sound goes on', async () => {
    await shows(960, 40_000)
    await watch('3 Mbit/s', 10)
    link.change({ rate: 0.7e6 })
    await watch('0.7 Mbit/s, first 5 s', 5)
    const narrow = await watch('0.7 Mbit/s', 15)
    assert.ok(narrow.width < 960 && narrow.fps > 6 && narrow.concealed < 0.1, JSON.stringify(narrow))
    const begun = Date.now()
    link.change({ rate: 3e6 })
    await shows(960, 40_000)
    console.log(`back after ${(Date.now() - begun) / 1000} s`)
    await watch('3 Mbit/s again', 10)
  })

  it('keeps the picture with 5 % loss and 40 ms', async () => {
    link.change({ rate: 0, delay: 40, loss: 0.05 })
    await watch('5 % loss, 40 ms, first 5 s', 5)
    const lossy = await watch('5 % loss, 40 ms', 20)
    assert.ok(lossy.width === 960 && lossy.fps > 6, JSON.stringify(lossy))
  })
})
