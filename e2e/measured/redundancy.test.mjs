import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../lib/browser.mjs'
import { lossyWay, takePort } from '../lib/loss.mjs'
import { assertTones, eventually, join, onceOfThree } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

/** Makes a page's connections know nothing of redundant audio. */
function withoutRedundancy() {
  const strip = (sdp) => {
    const type = sdp.match(/a=rtpmap:(\d+) red\/48000/)?.[1]
    if (!type) return sdp
    return sdp
      .replace(new RegExp(`a=(rtpmap|fmtp|rtcp-fb):${type} .*\\r\\n`, 'g'), '')
      .replace(/^m=audio .*$/gm, (line) => line.replace(new RegExp(` ${type}(?= |\\r|$)`), ''))
  }
  window.RTCPeerConnection = class extends RTCPeerConnection {
    async createOffer(...args) {
      const { type, sdp } = await super.createOffer(...args)
      return { type, sdp: strip(sdp) }
    }
    async createAnswer(...args) {
      const { type, sdp } = await super.createAnswer(...args)
      return { type, sdp: strip(sdp) }
    }
  }
}

/** What the browser counts of the sound that a page sends or receives. */
const soundOf = async (who, type) => (await who.page.evaluate((kind) => window.reports(kind), type)).find((r) => r.kind === 'audio' && (r.packetsSent ?? r.packetsReceived) > 0)

/** What of that came about in the last two seconds: how long packets are in bytes, and what share of them had no use. */
async function lately(who, type) {
  const before = await eventually(`there is sound at ${who.name}`, () => soundOf(who, type))
  await new Promise((resolve) => setTimeout(resolve, 2000))
  const now = await soundOf(who, type)
  const [bytes, packets, discarded] = [['bytesSent', 'bytesReceived'], ['packetsSent', 'packetsReceived'], ['packetsDiscarded']].map((names) =>
    names.reduce((sum, name) => sum + (now[name] ?? 0) - (before[name] ?? 0), 0))
  return { size: bytes / packets, useless: discarded / packets, plain: now.targetBitrate / 8 / 50 }
}

describe('redundant audio', { timeout: 1_800_000 }, () => {
  let tutti, browsers, room, ada, bo, cy, way
  const link = (key) => `${tutti.url}/r/${room.room}#k=${key}`

  before(async () => {
    tutti = await startTutti()
    way = await lossyWay(tutti.rtc)
    browsers = await Promise.all([1, 2, 3].map(() => openBrowser()))
    room = await tutti.createRoom({ title: 'Three' })
    const lossy = [takePort, { server: tutti.rtc, instead: way.port }]
    ada = await join(browsers[0], link(room.keys.host), 'Ada', { colour: colours.red, tone: 440 }, { scripts: [lossy] })
    bo = await join(browsers[1], link(room.keys.guest), 'Bo', undefined, { listen: true, scripts: [lossy] })
    cy = await join(browsers[2], link(room.keys.guest), 'Cy', undefined, { listen: true, scripts: [lossy, [withoutRedundancy]] })
  })
  after(async () => {
    await Promise.all((browsers ?? []).map((browser) => browser.close()))
    way?.close()
    await tutti?.close()
  })

  it('goes from its publisher to those who take it, and the others hear the same', async () => {
    // Chromium's statistics name the codec within; the sizes tell, and that the receiver has no use for what comes twice.
    await eventually('Ada sends it, Bo receives it, Cy none', async () => {
      const [sent, taken, stripped] = await Promise.all([lately(ada, 'outbound-rtp'), lately(bo, 'inbound-rtp'), lately(cy, 'inbound-rtp')])
      const right = sent.size > 1.7 * sent.plain && taken.size > 0.9 * sent.size && taken.useless > 0.5 &&
        stripped.size < 0.6 * sent.size && stripped.useless < 0.25 // what comes late is discarded too
      return right || Promise.reject(new Error(JSON.stringify({ sent, taken, stripped })))
    })
    await Promise.all([assertTones('Bo', bo.hears, [440]), assertTones('Cy', cy.hears, [440])])
  })

  /** How much of what is played was made up while `change` is in force, as a share. */
  async function concealed(who, seconds) {
    const first = await soundOf(who, 'inbound-rtp')
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds))
    const last = await soundOf(who, 'inbound-rtp')
    return (last.concealedSamples - first.concealedSamples) / (last.totalSamplesReceived - first.totalSamplesReceived)
  }

  /** The same of Bo, who has redundancy, and Cy, who has not, while some is lost; and what a busy machine has made up for both before, where nothing is. */
  async function making(t, where) {
    const own = Math.min(0.05, Math.max(...(await Promise.all([concealed(bo, 4), concealed(cy, 4)])))) // more would prove nothing
    way[where] = 0.1
    const [withIt, without] = await Promise.all([concealed(bo, 8), concealed(cy, 8)])
    way[where] = 0
    const percent = (share) => `${(100 * share).toFixed(2)} %`
    t.diagnostic(`10 % lost on the way ${where}: ${percent(withIt)} made up with redundancy, ${percent(without)} without; ${percent(own)} before`)
    return { withIt, without, own }
  }

  it('makes good what is lost on the way in, for all', (t) =>
    onceOfThree(t, async () => {
      const { withIt, without, own } = await making(t, 'up')
      assert.ok(withIt < 0.04 + own, `${withIt} of what Bo hears is made up`)
      assert.ok(without < 0.04 + own, `${without} of what Cy hears is made up`)
    }))

  it('makes good what is lost on the way out, for those who take it', (t) =>
    onceOfThree(t, async () => {
      const { withIt, without, own } = await making(t, 'down')
      assert.ok(withIt - own < (without - own) / 2, `${withIt} is made up with redundancy, ${without} without, ${own} before`)
    }))
})
