// Browsers behind the strictest firewall: nothing gets through but what goes by our TURN server.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../lib/browser.mjs'
import { patience } from '../lib/patience.mjs'
import { assertClock, assertTones, eventually, join } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { token } from '../lib/token.mjs'
import { startTutti } from '../lib/tutti.mjs'

const client = readFileSync(new URL('../node_modules/livekit-client/dist/livekit-client.umd.js', import.meta.url), 'utf8')

/**
 * How long, in ms, the server keeps an allocation over UDP that its client says nothing of. Chromium gives back what it has, but not what it had just
 * asked for when it let go of the port: then it does not know yet that there is something to give back.
 */
const lifetime = 180_000

/** Runs in the page: two connections that know of nothing but relays; gives what they sent each other and how. */
async function relayed({ iceServers, patience }) {
  // First, since a page that may use the camera is told of more networks, and a connection that learns of them later begins anew there.
  const camera = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 180 }, audio: true })
  const config = { iceServers, iceTransportPolicy: 'relay' }
  const [caller, callee] = [new RTCPeerConnection(config), new RTCPeerConnection(config)]
  const problems = []
  for (const [from, to] of [[caller, callee], [callee, caller]]) {
    from.onicecandidate = ({ candidate }) => candidate && to.addIceCandidate(candidate)
    from.onicecandidateerror = ({ url, errorCode, errorText }) => problems.push(`${url} ${errorCode} ${errorText}`)
  }
  const within = (promise, what) =>
    Promise.race([promise, new Promise((_, fail) => setTimeout(() => fail(new Error(`${what}: not within ${patience / 1000} s; ${problems.join('; ')}`)), patience))])
  try {
    for (const track of camera.getTracks()) caller.addTrack(track, camera)
    const channel = caller.createDataChannel('data')
    const video = document.createElement('video')
    video.muted = true
    callee.ontrack = ({ streams }) => (video.srcObject = streams[0])
    const answered = new Promise((resolve) => {
      callee.ondatachannel = ({ channel: theirs }) => (theirs.onmessage = ({ data }) => theirs.send(`${data} back`))
      channel.onopen = () => channel.send('there and')
      channel.onmessage = ({ data }) => resolve(data)
    })
    await caller.setLocalDescription()
    await callee.setRemoteDescription(caller.localDescription)
    await callee.setLocalDescription()
    await caller.setRemoteDescription(callee.localDescription)
    const data = await within(answered, 'data')
    await within(video.play(), 'the picture')
    await within(new Promise((resolve) => {
      let seen = 0
      const count = () => (++seen === 30 ? resolve() : video.requestVideoFrameCallback(count))
      video.requestVideoFrameCallback(count)
    }), '30 frames')
    const pairs = []
    for (const connection of [caller, callee]) {
      const reports = await connection.getStats()
      const all = [...reports.values()]
      const pair = reports.get(all.find((r) => r.type === 'transport').selectedCandidatePairId)
      const [local, remote] = [reports.get(pair.localCandidateId), reports.get(pair.remoteCandidateId)]
      pairs.push({ local: local.candidateType, protocol: local.relayProtocol, url: local.url, remote: remote.candidateType })
    }
    return { data, pairs }
  } finally {
    caller.close()
    callee.close()
  }
}

/** Makes every connection of a browser's pages one that knows of nothing but relays, at the addresses that match. */
async function relaysOnly(browser, pattern) {
  await browser.context.addInitScript((source) => {
    const wanted = new RegExp(source)
    const narrow = (config = {}) => ({
      ...config,
      iceTransportPolicy: 'relay',
      iceServers: (config.iceServers ?? []).map((s) => ({ ...s, urls: [s.urls].flat().filter((url) => wanted.test(url)) })).filter((s) => s.urls.length > 0),
    })
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(config) {
        super(narrow(config))
      }
      setConfiguration(config) {
        super.setConfiguration(narrow(config))
      }
    }
  }, pattern.source)
}

describe('TURN', { timeout: 1_800_000 }, () => {
  let tutti, browser
  before(async () => {
    tutti = await startTutti(['--dev'], { turn: true })
    browser = await openBrowser({ args: ['--ignore-certificate-errors'] })
  })
  after(async () => {
    await browser?.close()
    await tutti?.close()
  })

  const iceServers = async () => (await (await fetch(`${tutti.url}/probe/ice`)).json()).iceServers

  it('is named with the ports that are open', async () => {
    const { ports } = await (await fetch(`${tutti.url}/api/info`)).json()
    assert.equal(ports.turn, tutti.turn.plain)
    assert.equal(ports.turns, tutti.turn.tls)
    assert.deepEqual((await iceServers()).flatMap((s) => s.urls), [
      `stun:127.0.0.1:${ports.turn}`, `turn:127.0.0.1:${ports.turn}?transport=udp`, `turn:127.0.0.1:${ports.turn}?transport=tcp`,
      `turns:127.0.0.1:${ports.turns}?transport=tcp`,
    ])
  })

  for (const [protocol, pattern] of [['udp', /^turn:.*=udp$/], ['tcp', /^turn:.*=tcp$/], ['tls', /^turns:/]]) {
    it(`carries data and media between two that only have relays over ${protocol.toUpperCase()}`, async () => {
      const page = await browser.page()
      await page.goto(tutti.url)
      const relay = (await iceServers()).find((s) => s.urls.some((url) => pattern.test(url)))
      const { data, pairs } = await page.evaluate(relayed, { iceServers: [{ ...relay, urls: relay.urls.filter((url) => pattern.test(url)) }], patience })
      assert.equal(data, 'there and back')
      for (const pair of pairs) {
        assert.deepEqual([pair.local, pair.remote, pair.protocol], ['relay', 'relay', protocol], JSON.stringify(pairs))
      }
      await page.close()
    })
  }

  it('refuses credentials that are wrong, and says so', async () => {
    const page = await browser.page()
    await page.goto(tutti.url)
    const code = await page.evaluate(async (iceServers) => {
      const connection = new RTCPeerConnection({ iceServers, iceTransportPolicy: 'relay' })
      const failed = new Promise((resolve) => (connection.onicecandidateerror = ({ errorCode }) => resolve(errorCode)))
      connection.createDataChannel('x')
      await connection.setLocalDescription()
      const code = await failed
      connection.close()
      return code
    }, [{ urls: [`turn:127.0.0.1:${tutti.turn.plain}?transport=udp`], username: '99999999999:x', credential: 'x' }])
    assert.equal(code, 401)
    await page.close()
  })

  it('gives back what is not used any more, and counts', async () => {
    const metrics = await eventually('no allocation is left', async () => {
      const response = await fetch(`${tutti.url}/metrics`, { headers: { Authorization: `Basic ${btoa('devkey:secret')}` } })
      const text = await response.text()
      return /^tutti_turn_allocations 0$/m.test(text) && text
    }, lifetime + patience)
    for (const figure of ['allocations_total', 'relayed_bytes_total{to="peers"}', 'relayed_bytes_total{to="clients"}', 'refused_total{reason="credential"}']) {
      const line = metrics.split('\n').find((l) => l.startsWith(`tutti_turn_${figure} `))
      assert.ok(Number(line?.split(' ')[1]) > 0, `${figure}: ${line}`)
    }
  })

  it('leads into a room', async () => {
    const room = await tutti.createRoom({ title: 'Far away' })
    const link = (key) => `${tutti.url}/r/${room.room}#k=${key}`
    const distant = await openBrowser({ args: ['--ignore-certificate-errors'] })
    try {
      await relaysOnly(distant, /^turns:/)
      const far = await join(distant, link(room.keys.host), 'Far', { colour: colours.red, tone: 440 })
      const near = await join(browser, link(room.keys.guest), 'Near', { colour: colours.blue, tone: 660 })
      await assertClock('Far seen by Near', () => near.sees('Far'), colours.red)
      await assertClock('Near seen by Far', () => far.sees('Near'), colours.blue)
      await assertTones('Far', far.hears, [660])
      const used = await far.page.evaluate(() => window.reports('local-candidate'))
      assert.ok(used.length > 0)
      for (const candidate of used) assert.deepEqual([candidate.candidateType, candidate.relayProtocol], ['relay', 'tls'], JSON.stringify(used))
      assert.deepEqual(far.page.complaints, [])
      await near.leave()
    } finally {
      await distant.close()
    }
  })

  it('is the only way for a client that asks to try it (force-tls)', async () => {
    const page = await browser.page()
    await page.goto(`${tutti.url}/healthz`)
    await page.evaluate(client)
    const used = async () =>
      page.evaluate(async () => {
        const report = await room.engine.pcManager.publisher._pc.getStats()
        const pair = [...report.values()].find((r) => r.type === 'candidate-pair' && r.nominated && r.state === 'succeeded')
        const local = pair && report.get(pair.localCandidateId)
        return local && [local.candidateType, local.relayProtocol]
      })
    await page.evaluate(async ([url, jwt]) => {
      window.room = new LivekitClient.Room()
      window.happened = []
      for (const event of ['reconnected', 'disconnected']) room.on(event, () => happened.push(event))
      await room.connect(url, jwt, { peerConnectionTimeout: 30_000, websocketTimeout: 30_000 })
    }, [tutti.url, token({ keys: tutti.keys(), room: 'far', identity: 'ada' })])
    await page.evaluate(() => room.simulateScenario('force-tls'))
    await eventually('it is back', () => page.evaluate(() => happened.includes('reconnected')))
    await page.evaluate(() => room.localParticipant.publishData(new Uint8Array([1]), { reliable: true }))
    assert.deepEqual(await eventually('a way is used', used), ['relay', 'tls'])
    assert.equal(await page.evaluate(() => happened.includes('disconnected')), false)
    await page.close()
  })
})
