// Chromium publishes streams with layers in them, over livekit-client, and who wants a small picture gets a small one.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../lib/browser.mjs'
import { eventually, onceOfThree } from '../lib/people.mjs'
import { startTutti } from '../lib/tutti.mjs'
import { token } from '../lib/token.mjs'

const client = readFileSync(new URL('../node_modules/livekit-client/dist/livekit-client.umd.js', import.meta.url), 'utf8')

/** Opens a page with livekit-client in it, in a room. */
async function enter(browser, tutti, room, identity) {
  const page = await browser.page()
  await page.goto(`${tutti.url}/healthz`)
  await page.evaluate(client)
  await page.evaluate(
    async ([url, jwt]) => {
      window.room = new LivekitClient.Room({ adaptiveStream: false, dynacast: true })
      await window.room.connect(url, jwt, { peerConnectionTimeout: 30_000, websocketTimeout: 30_000 })
    },
    [tutti.url, token({ keys: tutti.keys(), room, identity })],
  )
  return page
}

/** Publishes a picture that moves: 960x540 at 30 a second, which two browsers have time for. */
const publish = (page, options) =>
  page.evaluate(async (options) => {
    const canvas = document.createElement('canvas')
    ;[canvas.width, canvas.height] = [960, 540]
    const c = canvas.getContext('2d')
    let n = 0
    setInterval(() => {
      n++
      c.fillStyle = `hsl(${n % 360} 60% 50%)`
      c.fillRect(0, 0, 960, 540)
      for (let i = 0; i < 40; i++) {
        c.fillStyle = `hsl(${(i * 37 + n) % 360} 80% 40%)`
        c.fillRect((i * 97 + n * (3 + (i % 5))) % 960, (i * 53 + n * 2) % 540, 90, 60)
      }
    }, 1000 / 30)
    const [track] = canvas.captureStream(30).getVideoTracks()
    const { track: { sender } } = await window.room.localParticipant.publishTrack(track, { name: 'camera', source: 'camera', simulcast: true, backupCodec: false, ...options })
    const parameters = sender.getParameters() // where livekit-client publishes simulcast it leaves temporal layers to the browser
    for (const encoding of parameters.encodings) encoding.scalabilityMode = options.scalabilityMode
    await sender.setParameters(parameters)
  }, options)

/** Subscribes, shows, and notes when frames come and how large they are. */
const show = (page) =>
  page.evaluate(async () => {
    const found = () => [...window.room.remoteParticipants.values()].flatMap((p) => [...p.trackPublications.values()]).find((p) => p.track)
    for (let i = 0; i < 3600 && !found(); i++) await new Promise((resolve) => setTimeout(resolve, 50))
    window.pub = found()
    const video = window.pub.track.attach()
    document.body.append(video)
    window.frames = []
    const note = (now, frame) => {
      window.frames.push({ at: now, width: frame.width })
      video.requestVideoFrameCallback(note)
    }
    video.requestVideoFrameCallback(note)
  })

/** What comes in a time: the widths of pictures, bits a second, pictures a second, and the longest time without any. */
const measure = (page, ms) =>
  page.evaluate(async (ms) => {
    const bytes = async () => {
      let sum = 0
      for (const r of (await window.pub.track.getRTCStatsReport()).values()) if (r.type === 'inbound-rtp') sum += r.bytesReceived
      return sum
    }
    const [before, from] = [await bytes(), window.frames.length]
    await new Promise((resolve) => setTimeout(resolve, ms))
    const frames = window.frames.slice(from)
    const gaps = frames.slice(1).map((f, i) => f.at - frames[i].at)
    return {
      widths: [...new Set(frames.map((f) => f.width))], last: frames.at(-1)?.width,
      rate: Math.round(((await bytes()) - before) * 8000 / ms), fps: Math.round((frames.length * 1000) / ms), gap: Math.round(Math.max(0, ...gaps)),
    }
  }, ms)

describe('layers', { timeout: 1_800_000 }, () => {
  let tutti, browsers
  before(async () => {
    tutti = await startTutti()
    browsers = await Promise.all([1, 2].map(() => openBrowser()))
  })
  after(async () => {
    await Promise.all((browsers ?? []).map((browser) => browser.close()))
    await tutti?.close()
  })

  // H.264 comes in several streams, and says in dependency descriptors alone which pictures can be left out.
  for (const [videoCodec, scalabilityMode, smallest] of [['vp9', 'L3T3_KEY', 240], ['av1', 'L3T3_KEY', 240], ['h264', 'L1T3', 320]]) {
    describe(`${videoCodec} in ${scalabilityMode}`, () => {
      const room = `layers-${videoCodec}`
      let ada, bo, full
      const size = (width, height) => bo.evaluate(([width, height]) => window.pub.setVideoDimensions({ width, height }), [width, height])

      /** What may be missing at a switch is tested where time is virtual; a busy machine alone stops for longer than that. */
      const assertFlow = (change) => assert.ok(change.gap < Math.max(500, 3 * full.gap), `${change.gap} ms without a picture, ${full.gap} ms without a change`)

      before(async () => {
        ;[ada, bo] = await Promise.all(['ada', 'bo'].map((who, i) => enter(browsers[i], tutti, room, who)))
        await publish(ada, { videoCodec, scalabilityMode, videoEncoding: { maxBitrate: 900_000, maxFramerate: 30 } })
        await show(bo)
      })
      after(async () => {
        for (const page of [ada, bo]) await page?.close()
      })

      it('is shown as large as it is', async (t) => {
        await size(960, 540)
        await eventually('the largest layer comes', async () => (await measure(bo, 1000)).last === 960)
        full = await measure(bo, 2000)
        t.diagnostic(JSON.stringify(full))
        const sent = await ada.evaluate(async () => {
          for (const p of window.room.localParticipant.videoTrackPublications.values()) {
            const report = await p.track.getRTCStatsReport()
            for (const r of report.values()) if (r.type === 'outbound-rtp') return { mode: r.scalabilityMode, codec: report.get(r.codecId).mimeType }
          }
        })
        assert.deepEqual(sent, { mode: scalabilityMode, codec: `video/${videoCodec.toUpperCase()}` })
      })

      it('is smaller and takes less for who wants it small, and grows again, without a freeze', async (t) => {
        await onceOfThree(t, async () => {
          await size(240, 135)
          const shrinks = await measure(bo, 2000)
          const small = await measure(bo, 2000)
          await size(960, 540)
          const grows = await measure(bo, 3000)
          t.diagnostic(JSON.stringify({ shrinks, small, grows }))
          assert.equal(small.last, smallest)
          assert.ok(small.rate < full.rate / 3, `${small.rate} bit/s of ${full.rate}`)
          assert.equal(grows.last, 960)
          for (const change of [shrinks, grows]) assertFlow(change)
        })
      })

      it('comes slower for who wants it slow', async (t) => {
        // What comes, not what is shown: a busy browser leaves pictures out.
        const received = async () => {
          const count = () =>
            bo.evaluate(async () => {
              for (const r of (await window.pub.track.getRTCStatsReport()).values()) if (r.type === 'inbound-rtp') return r.framesReceived
            })
          const before = await count()
          await new Promise((resolve) => setTimeout(resolve, 2000))
          return (await count()) - before
        }
        let all
        await onceOfThree(t, async () => {
          await bo.evaluate(() => window.pub.setVideoFPS(30))
          await measure(bo, 1000)
          all = await received()
          if (all < 30) return
          await bo.evaluate(() => window.pub.setVideoFPS(5))
          await measure(bo, 1000)
          const slow = await received()
          t.diagnostic(JSON.stringify({ all, slow }))
          assert.ok(slow > 0.3 * all && slow < 0.8 * all, `${slow} pictures of ${all}`)
        })
        if (all < 30) t.skip('the machine has no time for pictures that could be left out')
      })

      if (scalabilityMode.startsWith('L3')) {
        it('goes on the air as one picture of one size', async (t) => {
          const headers = { Authorization: `Bearer ${token({ keys: tutti.keys(), room, identity: 'host', grant: { roomAdmin: true } })}`, 'Content-Type': 'application/json' }
          const live = await fetch(`${tutti.url}/api/rooms/${room}/live`, { method: 'POST', headers, body: '{}' })
          assert.ok(live.ok, await live.text())
          const probe = spawnSync('ffprobe', ['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'frame=width,height', '-of', 'csv=p=0', '-read_intervals', '%+4', `${tutti.url}/live/${room}.flv`], { encoding: 'utf8', timeout: 40_000 })
          const sizes = probe.stdout.trim().split('\n')
          t.diagnostic(`${sizes.length} pictures of ${[...new Set(sizes)]}`)
          assert.ok(sizes.length > 10, probe.stderr)
          assert.deepEqual([...new Set(sizes)], ['960,540'])
        })
      }
    })
  }
})
