// A room of browsers that have no codec in common for what one of them publishes first.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openBrowser } from '../lib/browser.mjs'
import { plainAddresses } from '../lib/callers.mjs'
import { openFirefox } from '../lib/firefox.mjs'
import { address, goToIsland } from '../lib/island.mjs'
import { assertClock, eventually, join, watch } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

const skip = await goToIsland(fileURLToPath(import.meta.url))

/** The codecs of the pictures that somebody sends now. */
const sends = (who) =>
  who.page.evaluate(async () => {
    const before = new Map((await window.reports('outbound-rtp')).map((r) => [r.id, r.framesSent]))
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const codecs = new Map((await window.reports('codec')).map((c) => [c.id, c.mimeType]))
    const flowing = (await window.reports('outbound-rtp')).filter((r) => r.kind === 'video' && r.framesSent > (before.get(r.id) ?? 0))
    return [...new Set(flowing.map((r) => codecs.get(r.codecId)))].sort()
  })

describe('a picture in two codecs', { skip, timeout: 1_800_000 }, () => {
  let tutti, chromium, watcher, firefox, room, ada, bo
  const link = (key) => `${tutti.url}/r/${room.room}#k=${key}`

  before(async () => {
    tutti = await startTutti(undefined, { rtcAddress: address })
    ;[chromium, watcher, firefox] = await Promise.all([openBrowser({ args: plainAddresses }), openBrowser({ args: plainAddresses }), openFirefox()])
    room = await tutti.createRoom({ title: 'Two codecs' })
    ada = await join(chromium, link(room.keys.host), 'Ada', { colour: colours.red, tone: 440 })
  })
  after(async () => {
    await Promise.all([chromium, watcher, firefox].map((browser) => browser?.close()))
    await tutti?.close()
  })

  it('is not sent while nobody is there, and in H.264 to who has it', async () => {
    await eventually('nothing is sent', async () => (await sends(ada)).length === 0)
    const cy = await join(watcher, link(room.keys.guest), 'Cy', undefined, { listen: true })
    await assertClock('Ada seen by Cy', () => cy.sees('Ada'), colours.red)
    await eventually('only H.264 is sent', async () => (await sends(ada)).join() === 'video/H264')
    await cy.leave()
  })

  it('is seen in another codec as soon as it is sent in that', async () => {
    const cy = await join(watcher, link(room.keys.guest), 'Cy', undefined, { listen: true })
    await assertClock('Ada seen by Cy', () => cy.sees('Ada'), colours.red)
    await ada.page.evaluate(() => window.sendAs('video/VP8'))
    await eventually('only VP8 is sent', async () => (await sends(ada)).join() === 'video/VP8')
    await assertClock('Ada seen by Cy in VP8', () => cy.sees('Ada'), colours.red)
    await ada.page.evaluate(() => window.sendAs('video/H264'))
    await eventually('only H.264 is sent', async () => (await sends(ada)).join() === 'video/H264')
    await assertClock('Ada seen by Cy in H.264 again', () => cy.sees('Ada'), colours.red)
    await cy.leave()
  })

  it('is seen by a Firefox that has no H.264', async () => {
    bo = await join(firefox, link(room.keys.guest), 'Bo', { colour: colours.green, tone: 660 })
    await Promise.all([assertClock('Ada seen by Bo', () => bo.sees('Ada'), colours.red), assertClock('Bo seen by Ada', () => ada.sees('Bo'), colours.green)])
  })

  it('goes on in the second when the first becomes another one', async () => {
    await ada.page.evaluate(() => window.sendAs('video/VP9'))
    await eventually('VP9 and VP8 are sent', async () => (await sends(ada)).join() === 'video/VP8,video/VP9')
    await assertClock('Ada seen by Bo', () => bo.sees('Ada'), colours.red)
    await ada.page.evaluate(() => window.sendAs('video/H264'))
    await eventually('H.264 and VP8 are sent', async () => (await sends(ada)).join() === 'video/H264,video/VP8')
    await assertClock('Ada seen by Bo', () => bo.sees('Ada'), colours.red)
  })

  it('goes on the air in the first', async () => {
    await ada.page.getByRole('button', { name: 'Go live' }).click()
    await ada.page.getByRole('button', { name: 'Start', exact: true }).click()
    await ada.page.getByRole('button', { name: /LIVE/ }).waitFor()
    const viewer = await watch(watcher, `${tutti.url}/w/${room.room}`, 'flv')
    await viewer.plays('flv')
    await assertClock('FLV', viewer.sees, colours.red)
    await eventually('both are sent', async () => (await sends(ada)).join() === 'video/H264,video/VP8')
    await assertClock('Ada seen by Bo', () => bo.sees('Ada'), colours.red)
    await viewer.leave()
  })

  it('is not sent in the second any more when its last reader has gone', async () => {
    await bo.leave()
    await eventually('only H.264 is sent', async () => (await sends(ada)).join() === 'video/H264')
  })

  it('comes again for who comes back', async () => {
    bo = await join(firefox, link(room.keys.guest), 'Bo', undefined, { listen: true })
    await assertClock('Ada seen by Bo', () => bo.sees('Ada'), colours.red)
    assert.deepEqual(ada.page.complaints, [])
  })
})
