// A subscriber in another network: Chromium in a network namespace whose only way to the server is a link that becomes narrow and wide again, and loses packets.
// Signalling and page go over it too, so what stands in its queue delays them as well. By hand: node long/namespaces.test.mjs, as root.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { after, before, describe, it } from 'node:test'
import { here, openBeyond } from '../lib/beyond.mjs'
import { executablePath, openBrowser } from '../lib/browser.mjs'
import { goToIsland } from '../lib/island.mjs'
import { eventually } from '../lib/people.mjs'
import { serveStatic } from '../lib/static.mjs'
import { token } from '../lib/token.mjs'
import { startTutti } from '../lib/tutti.mjs'
import { publish, received, shoot, watch as watchPage } from '../lib/watching.mjs'

const skip = process.getuid() !== 0 ? 'making network devices takes root' : await goToIsland(fileURLToPath(import.meta.url))

describe('in two network namespaces', { skip }, () => {
  const link = (down) => ({ there: { delay: 20, queue: 300, ...down }, back: { delay: 20, loss: down.loss ?? 0 } })
  let quiet // what this machine makes of a way that carries all: one without time for a browser takes less than all of the sound
  let beyond, tutti, pages, sending, watching, publisher, viewer, directory

  before(async () => {
    beyond = await openBeyond(link({ rate: 3e6 }))
    tutti = await startTutti([], { rtcAddress: here, address: here })
    pages = await serveStatic(fileURLToPath(new URL('..', import.meta.url)), { policy: false, address: here })
    directory = mkdtempSync(join(tmpdir(), 'tutti-e2e-film-'))
    // Browsers give cameras and microphones to pages of this machine and over TLS only.
    const trust = `--unsafely-treat-insecure-origin-as-secure=${pages.url}`
    sending = await openBrowser({ args: [trust, `--use-file-for-fake-video-capture=${shoot(directory)}`] })
    watching = await openBrowser({ args: [trust], options: { executablePath: beyond.across(executablePath) } })
    const enter = async (browser, identity) => {
      const page = await browser.page()
      await page.goto(`${pages.url}/pages/sdk.html`)
      await page.evaluate(() => window.load('livekit-client'))
      await page.evaluate((wish) => window.join(wish), {
        url: tutti.url.replace(/^http/, 'ws'), token: token({ keys: tutti.keys(), room: 'hall', identity }), library: 'livekit-client', options: { adaptiveStream: false },
      })
      return page
    }
    publisher = await enter(sending, 'ada')
    await publisher.evaluate(publish)
    viewer = await enter(watching, 'bo')
  })
  after(async () => {
    await sending?.close()
    await watching?.close()
    await pages?.close()
    await tutti?.close()
    await beyond?.close()
    if (directory) rmSync(directory, { recursive: true, force: true })
  })

  const dropped = async () => {
    const { there } = await beyond.counts()
    return there.dropped + there.lost
  }
  const watch = (what, seconds) => watchPage(viewer, what, seconds, dropped)
  /** What the server knows, four times a second until it is stopped: the layers that come, the estimate, and which layer goes out. */
  function timeline() {
    const begun = Date.now()
    const authorization = `Bearer ${token({ keys: tutti.keys(), room: 'hall', identity: 'host', grant: { roomAdmin: true } })}`
    const about = async (who) => (await fetch(`${tutti.url}/api/rooms/hall/participants/${who}`, { headers: { authorization } })).json()
    const look = async () => {
      const [ada, bo, { width }] = await Promise.all([about('ada'), about('bo'), viewer.evaluate(received)])
      const mbit = (n) => (n / 1e6).toFixed(2)
      const layers = ada.tracks.find((track) => track.kind === 'video').layers.map(({ rid, bitrate, active, keyframes, plis }) => `${rid} ${active ? mbit(bitrate) : '-'} ${keyframes}/${plis}`)
      const { estimate, full } = bo.connections.find((c) => c.downlink).downlink
      const picture = bo.subscriptions.find((sub) => sub.kind === 'video')
      console.log(`  ${((Date.now() - begun) / 1000).toFixed(2)} s: layers, with keyframes of those asked for, ${layers.join(', ')}; estimate ${mbit(estimate)}${full ? ', full' : ''}; out ${picture.state} ${picture.rid} ${mbit(picture.bitrate)}; shown ${width}`)
    }
    const timer = setInterval(() => look().catch((error) => console.log(`  ${error.message}`)), 250)
    return () => clearInterval(timer)
  }

  const hears = (figures, concealed) =>
    assert.ok(figures.sound > 0.9 * quiet.sound && figures.concealed < quiet.concealed + concealed, JSON.stringify(figures))
  const shows = (width, patience) => eventually(`the picture is ${width} wide`, async () => (await viewer.evaluate(received)).width === width, patience)

  it('steps down and up with 3, 0.5 and 3 Mbit/s, and sound never starves', async () => {
    await shows(960, 60_000)
    quiet = await watch('3 Mbit/s', 10)
    assert.ok(quiet.fps > 8 && quiet.sound > 0.8 && quiet.mbit > 0.5, JSON.stringify(quiet))
    await beyond.change(link({ rate: 0.5e6 }))
    const falling = await watch('0.5 Mbit/s, first 5 s', 5)
    hears(falling, 0.2)
    const narrow = await watch('0.5 Mbit/s', 20)
    assert.ok(narrow.width < 960 && narrow.fps > 0.5 * quiet.fps, JSON.stringify(narrow))
    hears(narrow, 0.05)
    const begun = Date.now()
    const stop = timeline()
    await beyond.change(link({ rate: 3e6 }))
    try {
      await shows(960, 40_000)
    } finally {
      stop()
    }
    console.log(`back after ${(Date.now() - begun) / 1000} s`)
    const wide = await watch('3 Mbit/s again', 10)
    hears(wide, 0.05)
  })

  it('keeps picture and sound with 5 % loss each way', async () => {
    await beyond.change(link({ rate: 3e6, loss: 0.05 }))
    await watch('5 % loss, first 5 s', 5)
    const lossy = await watch('5 % loss', 20)
    assert.ok(lossy.mbit > 0.45 * quiet.mbit && lossy.fps > 0.5 * quiet.fps, JSON.stringify(lossy)) // the largest layer most of the time
    hears(lossy, 0.05)
  })

  it('is told that its connection is poor with 20 % loss, and excellent when that has passed, and so is the other', async () => {
    const qualities = () => Promise.all([
      viewer.evaluate(() => room.localParticipant.connectionQuality),
      publisher.evaluate(() => room.remoteParticipants.get('bo').connectionQuality),
    ])
    const told = async (...wanted) => {
      const begun = Date.now()
      await eventually(`both are told ${wanted}`, async () => {
        const all = await qualities()
        return all.every((q) => wanted.includes(q)) || Promise.reject(new Error(all.join(', ')))
      }, 60_000)
      console.log(`${await qualities()} after ${(Date.now() - begun) / 1000} s`)
    }
    await beyond.change(link({ rate: 3e6 }))
    await told('excellent')
    await beyond.change(link({ rate: 3e6, loss: 0.2 }))
    await told('poor', 'lost')
    await beyond.change(link({ rate: 3e6 }))
    await told('excellent')
  })
})
