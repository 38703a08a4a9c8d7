// What becomes of a room when the path to the server changes. Firefox nominates every path that works (see
// docs/compatibility.md), Chromium one.
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../lib/browser.mjs'
import { openFirefox } from '../lib/firefox.mjs'
import { address, goToIsland } from '../lib/island.mjs'
import { openNat } from '../lib/nat.mjs'
import { eventually } from '../lib/people.mjs'
import { serveStatic } from '../lib/static.mjs'
import { token } from '../lib/token.mjs'
import { startTutti } from '../lib/tutti.mjs'

const skip = await goToIsland(fileURLToPath(import.meta.url))

/** The page is told of other ports in place of the server's, the first one preferred. Runs in the page. */
function seePorts({ server, ports }) {
  const candidate = new RegExp(`^a=candidate:\\S+ 1 udp (\\d+) (\\S+) ${server} typ host`)
  const { setRemoteDescription } = RTCPeerConnection.prototype
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    const lines = description.sdp.split('\r\n').flatMap((line) => {
      const found = candidate.exec(line)
      if (!found) return [line]
      return ports.map((port, i) => `a=candidate:${i + 1} 1 udp ${found[1] - i * 1000} ${found[2]} ${port} typ host`)
    })
    return setRemoteDescription.call(this, { type: description.type, sdp: lines.join('\r\n') })
  }
}

describe('the path to a room changes', { skip, timeout: 1_800_000, concurrency: 2 }, () => {
  let tutti
  let pages
  let rooms = 0

  before(async () => {
    tutti = await startTutti([], { rtcAddress: address })
    pages = await serveStatic(fileURLToPath(new URL('..', import.meta.url)), { policy: false })
  })
  after(async () => {
    await pages?.close()
    await tutti?.close()
  })

  async function join(browser, room, identity, ports) {
    const page = await browser.page()
    await page.goto(`${pages.url}/pages/sdk.html`)
    if (ports) await page.evaluate(seePorts, { server: tutti.rtc, ports })
    await page.evaluate(() => window.load('livekit-client'))
    const url = tutti.url.replace(/^http/, 'ws')
    await page.evaluate((wish) => window.join(wish), { url, token: token({ keys: tutti.keys(), room, identity }) })
    await page.evaluate(() => window.publish())
    return page
  }

  async function assertFlow(page) {
    const { frames } = await page.evaluate(() => window.perceive())
    await eventually('the picture moves', async () => (await page.evaluate(() => window.perceive())).frames > frames + 10)
  }

  for (const [name, open] of [['Firefox', openFirefox], ['Chromium', openBrowser]]) {
    it(`${name} goes on when its port changes, and when one of two paths dies`, async (t) => {
      const room = `hall-${rooms++}`
      const [far, near, bos] = [await openNat(address, tutti.rtc), await openNat(address, tutti.rtc), await openNat(address, tutti.rtc)]
      const browser = await open()
      t.after(async () => {
        await browser.close()
        for (const nat of [far, near, bos]) nat.close()
      })
      const ada = await join(browser, room, 'ada', [near.port, far.port])
      const bo = await join(browser, room, 'bo', [bos.port])
      await assertFlow(ada)
      await assertFlow(bo)
      // Both sides mean the same path, whichever was nominated last.
      const used = () => (near.sent.up > far.sent.up ? near : far)
      const { down } = used().sent
      await eventually('the server sends on the path on which the client does', () => used().sent.down > down + 50)

      await used().rebind()
      await assertFlow(ada)
      await assertFlow(bo)
      assert.equal(await ada.evaluate(() => happened.includes('reconnecting')), false)

      const [dead, alive] = used() === near ? [near, far] : [far, near]
      dead.shut()
      if (name === 'Firefox') bos.deafen() // the server hears Bo all the time, who gives up and wants to go on with the same connection
      const before = { ...alive.sent }
      await eventually('both sides have gone over', () => alive.sent.up > before.up + 100 && alive.sent.down > before.down + 100)
      if (name === 'Firefox') {
        await eventually('Bo is told to join anew', () => tutti.log().includes(`client resumes with a connection that cannot be revived" room=${room} participant=bo`))
        bos.deafen(false)
        await eventually('Bo is back', () => bo.evaluate(() => happened.includes('reconnected') && room.state === 'connected'))
      }
      await assertFlow(ada)
      await assertFlow(bo)
      assert.equal(await ada.evaluate(() => room.state), 'connected')
      // Firefox does not go over by itself: when consent has expired, its client connects anew.
      if (name === 'Chromium') assert.equal(await bo.evaluate(() => happened.includes('participantDisconnected')), false, 'nobody has left')
    })
  }
})
