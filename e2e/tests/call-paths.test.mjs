// Calls over bad ways: through relays only, with no way at all, over ways that break, and with a server or another side that goes.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openWindows } from '../lib/browser.mjs'
import { answer, assertTones, call, eventually, plainAddresses, watchGaps } from '../lib/callers.mjs'
import { patience } from '../lib/patience.mjs'
import { alike } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'
import { cable, relaysOnly, serversOnly } from '../lib/ways.mjs'

/** Small pictures, since several calls go on at the same time. */
const small = { width: 320, height: 180 }
const signals = { ada: { ...small, colour: colours.red, tone: 440 }, bo: { ...small, colour: colours.green, tone: 660 }, cy: { ...small, colour: colours.blue, tone: 880 } }
const relays = { udp: '^turn:.*=udp$', tcp: '^turn:.*=tcp$', tls: '^turns:' }

/** The two ends of the way that a page's newest connection has chosen. */
const chosen = (who) =>
  who.page.evaluate(async () => {
    const peer = window.peers.findLast((p) => p.connectionState === 'connected')
    const report = await peer.getStats()
    const pair = report.get([...report.values()].find((r) => r.type === 'transport').selectedCandidatePairId)
    const [local, remote] = [report.get(pair.localCandidateId), report.get(pair.remoteCandidateId)]
    return { local: local.candidateType, protocol: local.relayProtocol, remote: remote.candidateType }
  })

/** Waits until what there is to see is as expected: another side's address is known as one that was only seen until it has been told. */
const comesToBe = (what, look, expected) =>
  eventually(what, async () => {
    assert.deepEqual(await look(), expected)
    return true
  })

/** Waits until somebody's picture is shown as it was some seconds ago at most, and goes on: one that stands still has its colour too. */
async function assertLive(what, look, colour) {
  let first
  await eventually(`${what} is shown as it is now`, async () => {
    const seen = await look()
    const age = (Math.floor(Date.now() / 100) - (seen?.clock ?? 0) + 256) % 256
    if (!seen || seen.clock < 0 || !alike(seen.colour, colour) || age > 80) {
      first = undefined
      throw new Error(JSON.stringify({ ...seen, age }))
    }
    first ??= { clock: seen.clock, at: Date.now() }
    return Date.now() - first.at > 1500 && seen.clock !== first.clock
  })
}

async function assertBoth(ada, bo) {
  await Promise.all([assertLive('Ada seen by Bo', () => bo.sees('Ada'), colours.red), assertLive('Bo seen by Ada', () => ada.sees('Bo'), colours.green)])
  await Promise.all([assertTones('Ada', ada.hears, [660]), assertTones('Bo', bo.hears, [440])])
}

const assertNoComplaints = (...people) => {
  for (const who of people) assert.deepEqual(who.page.complaints, [], who.name)
}

// They wait for most of their time, until somebody gives up; so two wait together.
describe('calls over bad ways', { timeout: 1_800_000, concurrency: 2 }, () => {
  let plain, relaying, mortal, browser
  before(async () => {
    ;[plain, relaying, mortal] = await Promise.all([startTutti(), startTutti(['--dev'], { turn: true }), startTutti()])
    browser = await openWindows({ args: [...plainAddresses, '--ignore-certificate-errors'] })
  })
  after(async () => {
    await browser?.close()
    await Promise.all([plain, relaying, mortal].map((tutti) => tutti?.close()))
  })

  /** Two people in a new call until the test ends. `ways` is what is done to each one's connections: a function for the page, and its argument. */
  async function between(t, { tutti = plain, ways = [], path = 'direct' } = {}) {
    const own = [0, 1, 2].map((i) => ({
      async page() {
        const page = await browser.page()
        if (ways[i]) await page.addInitScript(...ways[i])
        t.after(() => page.close().catch(() => {}))
        return page
      },
    }))
    const room = await tutti.createRoom({ title: 'Tea' })
    const link = (key) => `${tutti.url}/c/${room.room}#k=${key}`
    const ada = await call(own[0], link(room.keys.host), 'Ada', signals.ada)
    const began = Date.now()
    const bo = await answer(own[1], link(room.keys.guest), 'Bo', signals.bo, 2 * patience)
    await Promise.all([ada.onPath(path, 2 * patience), bo.onPath(path, 2 * patience)])
    const took = Date.now() - began
    await assertBoth(ada, bo)
    return { ada, bo, took, third: () => answer(own[2], link(room.keys.guest), 'Cy', signals.cy) }
  }

  const tellGaps = async (t, when, gaps) => t.diagnostic(`longest gaps in ms ${when}: ${JSON.stringify(await gaps())}`)

  it('tells when the other one is gone without a word', async (t) => {
    const { ada, bo } = await between(t)
    const began = Date.now()
    const session = await bo.page.context().newCDPSession(bo.page)
    session.send('Page.crash').catch(() => {})
    await ada.tile('Bo').getByText('Bo is reconnecting…').waitFor()
    t.diagnostic(`said that Bo is reconnecting after ${((Date.now() - began) / 1000).toFixed(1)} s`)
    await ada.page.getByRole('heading', { name: 'Bo left' }).waitFor()
    t.diagnostic(`said that Bo is gone after ${((Date.now() - began) / 1000).toFixed(1)} s`)
    assertNoComplaints(ada)
  })

  it('goes on after one side was asleep', async (t) => {
    const { ada, bo } = await between(t)
    const session = await bo.page.context().newCDPSession(bo.page)
    await session.send('Page.setWebLifecycleState', { state: 'frozen' })
    await new Promise((resolve) => setTimeout(resolve, 20_000))
    await session.send('Page.setWebLifecycleState', { state: 'active' })
    const began = Date.now()
    await Promise.all([ada, bo].map((who) => who.page.waitForSelector('.call[data-phase=connected][data-moving=false]')))
    await assertBoth(ada, bo)
    t.diagnostic(`saw and heard each other, checks included, ${((Date.now() - began) / 1000).toFixed(1)} s after waking up`)
    assertNoComplaints(ada, bo)
  })

  it('goes through the server by itself when no way leads to the other', async (t) => {
    const { ada, bo, took } = await between(t, { ways: [[serversOnly], [serversOnly]], path: 'server' })
    t.diagnostic(`on the server ${(took / 1000).toFixed(1)} s after the link was opened`)
    for (const who of [ada, bo]) {
      await who.page.getByText('because no way was found between you').waitFor()
      await eventually(`${who.name} hears one voice`, async () => (await who.voices()).length === 1)
    }
    assertNoComplaints(ada, bo)
  })

  // That data and media go through relays over each protocol is tested with what gives them out (turn.test.mjs).
  for (const [how, what] of [['cut', 'is cut'], ['silence', 'falls silent']]) {
    it(`goes through relays when there is nothing else, says so, and comes back over a new way when the connection to one ${what}`, async (t) => {
      const wire = await cable(relaying.turn.plain)
      t.after(() => wire.close())
      const { ada, bo } = await between(t, {
        tutti: relaying, ways: [[relaysOnly, { wanted: relays.tcp, through: wire.port }], [relaysOnly, { wanted: relays.udp }]], path: 'relay',
      })
      for (const [who, protocol] of [[ada, 'tcp'], [bo, 'udp']]) {
        await who.page.getByRole('button', { name: 'How this call is connected: Through a relay, end-to-end encrypted' }).waitFor()
        await comesToBe(`${who.name}'s way`, () => chosen(who), { local: 'relay', protocol, remote: 'relay' })
      }
      const user = () => ada.page.evaluate(() => /ice-ufrag:(\S+)/.exec(window.peers[0].localDescription.sdp)[1])
      const before = await user()
      const gaps = await watchGaps(ada, bo)
      const began = Date.now()
      assert.ok(wire[how]() > 0, 'a connection went through the cable')
      await eventually('ICE was started anew', async () => (await user()) !== before)
      const states = () => Promise.all([ada, bo].map((who) => who.page.evaluate(() => window.peers[0].iceConnectionState)))
      await eventually('it connected', async () => (await states()).every((state) => state === 'connected' || state === 'completed'))
      t.diagnostic(`connected again after ${((Date.now() - began) / 1000).toFixed(1)} s`)
      await Promise.all([ada.onPath('relay'), bo.onPath('relay')])
      await assertBoth(ada, bo)
      await tellGaps(t, `when it ${what}`, gaps)
      assert.equal(await ada.page.evaluate(() => window.peers.length), 1, 'the connection is the same')
      assertNoComplaints(ada, bo)
    })
  }

  it('goes through a relay when one of the two has nothing else', async (t) => {
    const { ada, bo } = await between(t, { tutti: relaying, ways: [undefined, [relaysOnly, { wanted: relays.tls }]], path: 'relay' })
    const ends = async () => {
      const [near, far] = [await chosen(ada), await chosen(bo)]
      return [far.local, far.protocol, near.remote]
    }
    await comesToBe('their way', ends, ['relay', 'tls', 'relay'])
    assertNoComplaints(ada, bo)
  })

  it('goes on without the server, says so, and takes it back when it is there again', async (t) => {
    const { ada, bo, third } = await between(t, { tutti: mortal })
    let gaps = await watchGaps(ada, bo)
    await mortal.kill()
    for (const who of [ada, bo]) await who.page.getByText('The server cannot be reached. Your call goes on without it.').waitFor()
    await assertBoth(ada, bo)
    await ada.say('Still here')
    await bo.page.keyboard.press('c')
    await bo.page.getByText('Still here', { exact: true }).waitFor()
    await tellGaps(t, 'without the server', gaps)
    gaps = await watchGaps(ada, bo)
    await mortal.start()
    for (const who of [ada, bo]) await who.page.getByText('The server cannot be reached.').waitFor({ state: 'detached' })
    await Promise.all([ada.onPath('direct'), bo.onPath('direct')])
    await assertBoth(ada, bo)
    await tellGaps(t, 'when the server came back', gaps)
    const cy = await third()
    await Promise.all([ada, bo, cy].map((who) => who.onPath('server')))
    await assertLive('Cy seen by Ada', () => ada.sees('Cy'), colours.blue)
    await assertLive('Bo seen by Cy', () => cy.sees('Bo'), colours.green)
    assertNoComplaints(ada, bo, cy)
  })
})
