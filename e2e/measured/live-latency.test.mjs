// How old the picture of a show is when it is shown to those who watch, and how long they wait for the first one. How fast this machine
// is today is no matter of right or wrong: figures are printed, and what is asserted is twice what is promised, where there is time for all pictures.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../lib/browser.mjs'
import { readTime, sendTime } from '../lib/glass.mjs'
import { eventually, join, onceOfThree, watch } from '../lib/people.mjs'
import { startTutti } from '../lib/tutti.mjs'

const frames = Number(process.env.GLASS_FRAMES ?? 75)
const camera = { width: 640, height: 360, rate: 30, ...JSON.parse(process.env.GLASS_CAMERA ?? '{}') }
const share = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]

/** Notes when requests are made. */
function noteRequests() {
  window.requests = []
  const note = (url) => window.requests.push({ url: String(url), at: performance.now() })
  const { fetch } = window
  window.fetch = (...args) => {
    note(args[0]?.url ?? args[0])
    return fetch(...args)
  }
  const { open } = XMLHttpRequest.prototype
  XMLHttpRequest.prototype.open = function (...args) {
    note(args[1])
    return open.apply(this, args)
  }
}

/** How long after the first request of a kind, from now on, a picture is presented. */
function firstFrame(video, pattern) {
  const kind = new RegExp(pattern)
  window.requests.length = 0
  window.first = new Promise((resolve) => {
    const look = () => {
      const request = window.requests.find(({ url }) => kind.test(url))
      if (request) resolve(performance.now() - request.at)
      else video.requestVideoFrameCallback(look)
    }
    video.requestVideoFrameCallback(look)
    // The way it played before may have given no picture since.
    const emptied = () => video.requestVideoFrameCallback(look)
    video.addEventListener('emptied', emptied)
  })
}

const ways = {
  whep: { request: '/whep/', promised: [150, 250], first: 100 },
  flv: { request: '\\.flv', promised: [500, 800], first: 100 },
  hls: { request: 'index\\.m3u8', promised: [2000, 3000], first: 500 },
}

describe('a show, glass to glass', { timeout: 1_800_000 }, () => {
  let tutti, browsers, room, viewer, watching
  const over = new AbortController()
  before(async () => {
    tutti = await startTutti()
    browsers = await Promise.all([1, 2].map(() => openBrowser()))
    room = await tutti.createRoom({ title: 'Glass' })
    const ada = await join(browsers[0], `${tutti.url}/r/${room.room}#k=${room.keys.host}`, 'Ada', undefined, { scripts: [[sendTime, camera]] })
    await ada.page.getByRole('button', { name: 'Go live' }).click()
    await ada.page.getByRole('button', { name: 'Start', exact: true }).click()
    await ada.page.getByRole('button', { name: /LIVE/ }).waitFor()
    await browsers[1].context.addInitScript(noteRequests)
    viewer = await watch(browsers[1], `${tutti.url}/w/${room.room}`)
    await viewer.plays()
    // A running stream is what is measured: somebody watches already.
    const index = () => fetch(`${tutti.url}/live/${room.room}/index.m3u8`)
    await eventually('HLS is ready', async () => (await index()).ok)
    watching = setInterval(() => void index().catch(() => {}), 3000)
    const flv = await fetch(`${tutti.url}/live/${room.room}.flv`, { signal: over.signal })
    void flv.body.pipeTo(new WritableStream()).catch(() => {})
  })
  after(async () => {
    clearInterval(watching)
    over.abort()
    await Promise.all((browsers ?? []).map((browser) => browser.close()))
    await tutti?.close()
  })

  for (const way of ['flv', 'whep', 'hls']) {
    it(`over ${way}`, async (t) => {
      const { page } = viewer
      const video = page.locator('.player video')
      await video.evaluate(firstFrame, ways[way].request)
      await page.locator('.player').hover()
      await page.getByRole('button', { name: 'How it plays' }).click()
      await page.getByRole('menuitemradio', { name: new RegExp(`^${{ whep: 'WebRTC', flv: 'FLV', hls: 'HLS' }[way]}`) }).click()
      await viewer.plays(way)
      const first = await page.evaluate(() => window.first)
      let busy
      await onceOfThree(t, async () => {
        busy = ''
        await new Promise((resolve) => setTimeout(resolve, 4000)) // it catches up with the present
        const begun = performance.now()
        const { ages, unread } = await video.evaluate(readTime, frames)
        const rate = (1000 * (ages.length + unread)) / (performance.now() - begun)
        assert.ok(ages.length >= frames / 2, `${ages.length} frames were read, ${unread} could not be`)
        const sorted = ages.toSorted((a, b) => a - b)
        const [p50, p95, most] = [share(sorted, 0.5), share(sorted, 0.95), sorted.at(-1)]
        t.diagnostic(`${way}: p50 ${p50} ms, p95 ${p95} ms, at most ${most} ms of ${ages.length} frames; first picture after ${Math.round(first)} ms`)
        if (process.env.GLASS_DETAIL) {
          t.diagnostic(await page.evaluate(() => document.querySelector('.delay')?.textContent))
          t.diagnostic(JSON.stringify(await video.evaluate((v) => ({ rate: v.playbackRate, at: v.currentTime, ahead: v.buffered.length && v.buffered.end(v.buffered.length - 1) - v.currentTime }))))
          t.diagnostic(JSON.stringify(await page.evaluate(() => window.requests.slice(0, 12).map(({ url, at }) => `${Math.round(at - window.requests[0].at)} ${url.slice(-40)}`))))
        }
        // Where there is no time for all pictures, those that are shown are late.
        if (rate < 0.8 * camera.rate) busy = `this machine is too busy to tell: it shows ${rate.toFixed(1)} pictures a second`
        assert.ok(p50 < 2 * ways[way].promised[0] && p95 < 2 * ways[way].promised[1], `${p50} and ${p95} ms`)
      }).catch((error) => {
        if (!busy) throw error
        t.skip(busy)
      })
    })
  }

  it('goes back over HLS, stays there, and comes back to the newest', async (t) => {
    const { page } = viewer
    const video = page.locator('.player video')
    const age = async () => {
      const { ages } = await video.evaluate(readTime, 5)
      return ages.at(-1)
    }
    const bar = page.getByRole('slider', { name: 'Position in the show' })
    await page.locator('.player').hover()
    await bar.waitFor()
    await bar.evaluate((input) => {
      input.value = -9
      input.dispatchEvent(new Event('input', { bubbles: true }))
      input.dispatchEvent(new Event('change', { bubbles: true }))
    })
    await eventually('it is about nine seconds back', async () => {
      const ms = await age()
      return ms > 8500 && ms < 13_000 ? ms : undefined
    })
    await onceOfThree(t, async () => {
      const before = await age()
      await new Promise((resolve) => setTimeout(resolve, 4000))
      const later = await age()
      assert.ok(Math.abs(later - before) < 1500, `it went from ${before} to ${later} ms of age`)
      assert.ok(later > 7000, `${later} ms of age`)
    })
    await page.locator('.player').hover()
    await page.getByRole('button', { name: 'Back to live' }).click()
    await eventually('it is live again', async () => (await age()) < 4000)
    await viewer.plays()
  })
})
