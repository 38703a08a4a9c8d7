// Players of others, on pages of others, as a site has them that shows what is on the air here; and ours in a browser of others.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { complaints, openBrowser } from '../lib/browser.mjs'
import { publishRtmp } from '../lib/encoders.mjs'
import { openFirefox } from '../lib/firefox.mjs'
import { eventually, watch } from '../lib/people.mjs'
import { colours, receiveSignal } from '../lib/signal.mjs'
import { serveStatic } from '../lib/static.mjs'
import { startTutti } from '../lib/tutti.mjs'

describe('a player of somebody else', { timeout: 120_000 }, () => {
  let tutti, browser, encoder, pages
  before(async () => {
    tutti = await startTutti()
    pages = await serveStatic(fileURLToPath(new URL('..', import.meta.url)), { policy: false })
    browser = await openBrowser({ devices: false })
    encoder = publishRtmp(`${tutti.rtmp}/shown`, { colour: colours.red, tone: 440 })
  })
  after(async () => {
    await encoder?.stop()
    await browser?.close()
    await pages?.close()
    await tutti?.close()
  })

  it('video.js plays HLS from another origin', async (t) => {
    const page = await browser.page()
    const wrong = complaints(page)
    await page.addInitScript(receiveSignal)
    await page.goto(`${pages.url}/pages/videojs.html`)
    const playlist = `${tutti.url}/live/shown/index.m3u8`
    await eventually('the playlist is there', async () => (await fetch(playlist)).ok)
    await page.evaluate((src) => {
      const player = window.videojs(document.querySelector('video'), { html5: { vhs: { overrideNative: true, llhls: true } } })
      player.src({ src, type: 'application/vnd.apple.mpegurl' })
      window.player = player
      void player.play()
    }, playlist)
    const video = page.locator('video')
    await eventually('it plays', () => video.evaluate((one) => one.currentTime > 0 && !one.paused && one.videoWidth === 640))
    const from = await video.evaluate((one) => one.currentTime)
    await eventually('it goes on for six seconds', () => video.evaluate((one, start) => one.currentTime > start + 6, from))
    const [share] = await video.evaluate((one, list) => window.shares(one, list), [colours.red])
    assert.ok(share > 0.7, `${share} of it shows what is published`)
    const { error, behind } = await page.evaluate(() => ({ error: window.player.error(), behind: window.player.liveTracker.liveCurrentTime() - window.player.currentTime() }))
    assert.equal(error, null)
    t.diagnostic(`${behind.toFixed(1)} s behind the newest of the playlist`)
    assert.deepEqual(wrong, [])
  })

  it('Firefox plays FLV (mpegts.js) and HLS (hls.js) on the watch page', async (t) => {
    const firefox = await openFirefox()
    t.after(() => firefox.close())
    for (const way of ['flv', 'hls']) {
      const viewer = await watch(firefox, `${tutti.url}/w/shown`, way)
      await viewer.plays(way)
      const video = viewer.page.locator('.player video')
      const from = await video.evaluate((one) => one.currentTime)
      await eventually(`${way} goes on for four seconds`, () => video.evaluate((one, start) => one.currentTime > start + 4, from))
      const [share] = await viewer.shares([colours.red])
      assert.ok(share > 0.7, `${way}: ${share} of it shows what is published`)
      assert.deepEqual(viewer.page.complaints, [])
      await viewer.leave()
    }
  })
})
