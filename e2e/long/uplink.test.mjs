// A publisher behind a narrow way: Chromium's own estimator, fed by the server's reports, fits what it sends to the way.
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

/** What a page has sent until now, and what it thinks its way carries. */
const sent = () =>
  (async () => {
    const found = { at: performance.now(), bytes: 0, frames: 0, width: 0, lost: 0, packets: 0, estimate: 0 }
    const report = await room.engine.pcManager.publisher._pc.getStats()
    for (const r of report.values()) {
      if (r.type === 'outbound-rtp') {
        found.bytes += r.bytesSent + r.headerBytesSent
        found.packets += r.packetsSent
        if (r.kind === 'video' && r.frameWidth && (r.framesPerSecond ?? 0) > 0) found.width = Math.max(found.width, r.frameWidth)
      }
      if (r.type === 'remote-inbound-rtp') found.lost += r.packetsLost
      if (r.type === 'candidate-pair' && r.nominated) found.estimate = (r.availableOutgoingBitrate ?? 0) / 1e6
    }
    return found
  })()

describe('a publisher behind a narrow way', () => {
  let tutti, link, pages, browser, publisher, directory

  before(async () => {
    tutti = await startTutti()
    link = await openLink(tutti.rtc, { rate: 3e6, delay: 20 }, 'server')
    pages = await serveStatic(fileURLToPath(new URL('..', import.meta.url)), { policy: false })
    directory = mkdtempSync(join(tmpdir(), 'tutti-e2e-film-'))
    const film = join(directory, 'film.mjpeg')
    const made = spawnSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=960x540:r=15,noise=alls=10:allf=t', '-t', '6', '-c:v', 'mjpeg', '-q:v', '4', '-pix_fmt', 'yuvj420p', film])
    assert.equal(made.status, 0, made.error?.message ?? made.stderr?.toString())
    browser = await openBrowser({ args: [`--use-file-for-fake-video-capture=${film}`] })
    const enter = async (identity, script) => {
      const page = await browser.page()
      if (script) await page.addInitScript(...script)
      await page.goto(`${pages.url}/pages/sdk.html`)
      await page.evaluate(() => window.load('livekit-client'))
      await page.evaluate((wish) => window.join(wish), {
        url: tutti.url.replace(/^http/, 'ws'), token: token({ keys: tutti.keys(), room: 'hall', identity }), library: 'livekit-client', options: { adaptiveStream: false },
      })
      return page
    }
    await enter('bo') // wants all of it
    publisher = await enter('ada', [atPort, { from: tutti.rtc, to: link.port }])
    await publisher.evaluate(async () => {
      await room.localParticipant.setCameraEnabled(true, { resolution: { width: 960, height: 540, frameRate: 15 } }, {
        simulcast: true, videoCodec: 'vp8', videoEncoding: { maxBitrate: 1_600_000, maxFramerate: 15 },
        videoSimulcastLayers: [new LivekitClient.VideoPreset(240, 135, 120_000, 15), new LivekitClient.VideoPreset(480, 270, 400_000, 15)],
      })
      await room.localParticipant.setMicrophoneEnabled(true)
    })
  })
  after(async () => {
    await browser?.close()
    await pages?.close()
    link?.close()
    await tutti?.close()
    if (directory) rmSync(directory, { recursive: true, force: true })
  })

  async function watch(what, seconds) {
    const [before, counts] = [await publisher.evaluate(sent), { ...link.counts }]
    await sleep(1000 * seconds)
    const now = await publisher.evaluate(sent)
    const figures = {
      mbit: ((now.bytes - before.bytes) * 8000) / (now.at - before.at) / 1e6, estimate: now.estimate, width: now.width,
      dropped: (link.counts.dropped - counts.dropped) / Math.max(1, now.packets - before.packets),
    }
    console.log(what, JSON.stringify(figures, (_, v) => (typeof v === 'number' ? Math.round(v * 100) / 100 : v)))
    return figures
  }

  it('sends what fits: 3, 0.7 and 3 Mbit/s', async () => {
    const wide = async () => (await publisher.evaluate(sent)).width === 960
    await eventually('all layers are sent', wide, 60_000)
    await watch('3 Mbit/s', 10)
    link.change({ rate: 0.7e6 })
    await watch('0.7 Mbit/s, first 5 s', 5)
    const narrow = await watch('0.7 Mbit/s', 15)
    assert.ok(narrow.mbit < 0.72 && narrow.mbit > 0.25 && narrow.dropped < 0.1, JSON.stringify(narrow))
    link.change({ rate: 3e6 })
    const begun = Date.now()
    await eventually('all layers are sent again', wide, 60_000)
    console.log(`all layers again after ${(Date.now() - begun) / 1000} s`)
    await watch('3 Mbit/s again', 10)
  })
})
