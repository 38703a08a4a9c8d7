// How old a picture of a call is when it is shown, from one page's camera to the other page's screen. How fast this machine is today is no
// matter of right or wrong: figures are printed, and only that pictures come at all is asserted.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../lib/browser.mjs'
import { answer, call, plainAddresses } from '../lib/callers.mjs'
import { readTime, sendTime } from '../lib/glass.mjs'
import { startTutti } from '../lib/tutti.mjs'

const frames = Number(process.env.GLASS_FRAMES ?? 60)
const camera = { width: 640, height: 360, rate: 30, ...JSON.parse(process.env.GLASS_CAMERA ?? '{}') }

const share = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]

describe('glass to glass', { timeout: 1_800_000 }, () => {
  let tutti, browsers, ada, bo
  before(async () => {
    tutti = await startTutti()
    browsers = await Promise.all([1, 2].map(() => openBrowser({ args: plainAddresses })))
    for (const { context } of browsers) await context.addInitScript(sendTime, camera)
    const room = await tutti.createRoom({ title: 'Glass' })
    const link = (key) => `${tutti.url}/c/${room.room}#k=${key}`
    ada = await call(browsers[0], link(room.keys.host), 'Ada')
    bo = await answer(browsers[1], link(room.keys.guest), 'Bo')
    await Promise.all([ada.onPath('direct'), bo.onPath('direct')])
  })
  after(async () => {
    await Promise.all((browsers ?? []).map((browser) => browser.close()))
    await tutti?.close()
  })

  async function measure(t, way) {
    // What a connection does in its first seconds is not what it does for the rest of the call.
    await new Promise((resolve) => setTimeout(resolve, 4000))
    const video = bo.tile('Ada').locator('video:not(.coming)').first()
    const { ages, unread, width, height } = await video.evaluate(readTime, frames)
    assert.ok(ages.length >= frames, `${ages.length} frames were read, ${unread} could not be`)
    const sorted = ages.toSorted((a, b) => a - b)
    const [p50, p95, most] = [share(sorted, 0.5), share(sorted, 0.95), sorted.at(-1)]
    t.diagnostic(`${way}: p50 ${p50} ms, p95 ${p95} ms, at most ${most} ms, of ${ages.length} frames of ${width}x${height}; ${unread} unread`)
    if (process.env.GLASS_DETAIL) {
      for (const [who, type] of [[ada, 'outbound-rtp'], [bo, 'inbound-rtp'], [ada, 'media-source']]) {
        for (const r of await who.reports(type)) {
          if (r.kind !== 'video') continue
          t.diagnostic(JSON.stringify({
            type, f: r.framesPerSecond, w: r.frameWidth, enc: r.totalEncodeTime / r.framesEncoded, send: r.totalPacketSendDelay / r.packetsSent,
            impl: r.encoderImplementation, limit: r.qualityLimitationReason, jb: r.jitterBufferDelay / r.jitterBufferEmittedCount,
            target: r.jitterBufferTargetDelay / r.jitterBufferEmittedCount, min: r.jitterBufferMinimumDelay / r.jitterBufferEmittedCount, dec: r.totalDecodeTime / r.framesDecoded, proc: r.totalProcessingDelay / r.framesDecoded,
          }))
        }
      }
    }
  }

  it('directly', (t) => measure(t, 'direct'))

  it('through the server', async (t) => {
    await ada.control('More').click()
    await ada.page.getByRole('menuitem', { name: /^Use the server/ }).click()
    await Promise.all([ada.onPath('server'), bo.onPath('server')])
    await measure(t, 'server')
  })

  it('complains about nothing', () => {
    for (const who of [ada, bo]) assert.deepEqual(who.page.complaints, [], who.name)
  })
})
