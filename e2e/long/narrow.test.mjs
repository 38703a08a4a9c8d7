// A subscriber behind a narrow way: what Chromium gets of a picture in three layers while the way becomes narrow and wide again.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
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

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** What has come to a page until now. */
const received = () =>
  (async () => {
    const found = { at: performance.now(), bytes: 0, frames: 0, freezes: 0, frozen: 0, width: 0, lost: 0, concealed: 0, samples: 0 }
    for (const transport of [room.engine.pcManager.publisher, room.engine.pcManager.subscriber]) {
      if (!transport?._pc) continue
      for (const r of (await transport._pc.getStats()).values()) {
        if (r.type !== 'inbound-rtp') continue
        found.bytes += r.bytesReceived + (r.headerBytesReceived ?? 0)
        found.lost += r.packetsLost
        if (r.kind === 'video') {
          found.frames += r.framesDecoded
          found.freezes += r.freezeCount
          found.frozen += r.totalFreezesDuration
          found.width = Math.max(found.width, r.frameWidth ?? 0)
        } else {
          found.concealed += r.concealedSamples
          found.samples += r.totalSamplesReceived
        }
      }
    }
    return found
  })()

describe('behind a narrow way', () => {
  let tutti, link, pages, sending, watching, viewer, directory

  before(async () => {
    tutti = await startTutti()
    link = await openLink(tutti.rtc, { rate: 3e6, delay: 20 })
    pages = await serveStatic(fileURLToPath(new URL('..', import.meta.url)), { policy: false })
    directory = mkdtempSync(join(tmpdir(), 'tutti-e2e-film-'))
    const film = join(directory, 'film.mjpeg')
    // The camera that browsers make up is so easily coded that the layers would be of a few hundred kbit/s.
    const made = spawnSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=960x540:r=15,noise=alls=10:allf=t', '-t', '6', '-c:v', 'mjpeg', '-q:v', '4', '-pix_fmt', 'yuvj420p', film])
    assert.equal(made.status, 0, made.error?.message ?? made.stderr?.toString())
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
    await publisher.evaluate(async () => {
      await room.localParticipant.setCameraEnabled(true, { resolution: { width: 960, height: 540, frameRate: 15 } }, {
        simulcast: true, videoCodec: 'vp8', degradationPreference: 'maintain-resolution',
        videoEncoding: { maxBitrate: 1_600_000, maxFramerate: 15 },
        videoSimulcastLayers: [
          new LivekitClient.VideoPreset(240, 135, 120_000, 15), new LivekitClient.VideoPreset(480, 270, 400_000, 15),
        ],
      })
      await room.localParticipant.setMicrophoneEnabled(true)
    })
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

  /** Lets some seconds pass and says what came in them. */
  async function watch(what, seconds) {
    const [before, lost] = [await viewer.evaluate(received), { ...link.counts }]
    await sleep(1000 * seconds)
    const now = await viewer.evaluate(received)
    const passed = (now.at - before.at) / 1000
    const figures = {
      mbit: ((now.bytes - before.bytes) * 8) / passed / 1e6, fps: (now.frames - before.frames) / passed, width: now.width,
      freezes: now.freezes - before.freezes, frozen: now.frozen - before.frozen,
      concealed: (now.concealed - before.concealed) / Math.max(1, now.samples - before.samples), dropped: link.counts.dropped - lost.dropped,
    }
    console.log(what, JSON.stringify(figures, (_, v) => (typeof v === 'number' ? Math.round(v * 100) / 100 : v)))
    return figures
  }

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
