import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openPeople } from '../lib/browser.mjs'
import { assertClock, assertTones, join } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

/** A network that blocks UDP: the page never hears of the server's UDP candidates. Runs in the page. */
function blockUDP() {
  const isUDP = (line) => /^(a=)?candidate:\S+ \d+ udp /i.test(line)
  const { setRemoteDescription, addIceCandidate } = RTCPeerConnection.prototype
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    const sdp = description.sdp?.split('\r\n').filter((line) => !isUDP(line)).join('\r\n')
    return setRemoteDescription.call(this, { type: description.type, sdp })
  }
  RTCPeerConnection.prototype.addIceCandidate = function (candidate) {
    return isUDP(candidate?.candidate ?? '') ? Promise.resolve() : addIceCandidate.call(this, candidate)
  }
}

/** A browser in such a network. */
function behindFirewall(who) {
  return {
    async page() {
      const page = await who.page()
      await page.addInitScript(blockUDP)
      return page
    },
  }
}

/** The transports that the connections of a page use. Runs in the page. */
async function transports() {
  const used = []
  for (const peer of window.peers) {
    const stats = await peer.getStats()
    for (const report of stats.values()) {
      if (report.type !== 'transport' || !report.selectedCandidatePairId) continue
      used.push(stats.get(stats.get(report.selectedCandidatePairId).remoteCandidateId).protocol)
    }
  }
  return used
}

describe('a room with somebody whose network blocks UDP', { timeout: 1_800_000 }, () => {
  let tutti, browser, ada, bo

  before(async () => {
    tutti = await startTutti(['--dev'], { rtcTcp: true })
    browser = await openPeople([{}, {}])
    const room = await tutti.createRoom({ title: 'Behind a firewall' })
    const link = (key) => `${tutti.url}/r/${room.room}#k=${key}`
    ada = await join(behindFirewall(browser.people[0]), link(room.keys.host), 'Ada', { colour: colours.red, tone: 440 })
    bo = await join(browser.people[1], link(room.keys.guest), 'Bo', { colour: colours.green, tone: 660 })
  })
  after(async () => {
    await browser?.close()
    await tutti?.close()
  })

  it('carries picture and sound both ways', async () => {
    await assertClock('Ada seen by Bo', () => bo.sees('Ada'), colours.red)
    await assertClock('Bo seen by Ada', () => ada.sees('Bo'), colours.green)
    await assertTones('Ada', ada.hears, [660])
    await assertTones('Bo', bo.hears, [440])
  })

  it('uses TCP where it must, and only there', async () => {
    const [over, under] = [await ada.page.evaluate(transports), await bo.page.evaluate(transports)]
    assert.ok(over.length > 0 && over.every((protocol) => protocol === 'tcp'), `Ada is connected over ${over}`)
    assert.ok(under.length > 0 && under.every((protocol) => protocol === 'udp'), `Bo is connected over ${under}`)
  })
})
