// Two estimators over the same way, in the same browser, one after the other: libwebrtc's, as one Chromium sends to another, and ours, as the
// server sends to Chromium. It prints figures and asserts little: they are of this machine in this moment. Both see the way alone.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../lib/browser.mjs'
import { plainAddresses } from '../lib/callers.mjs'
import { atPort, openLink } from '../lib/link.mjs'
import { eventually } from '../lib/people.mjs'
import { serveStatic } from '../lib/static.mjs'
import { token } from '../lib/token.mjs'
import { startTutti } from '../lib/tutti.mjs'

const wide = { rate: 3e6, delay: 20, queue: 300 }
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const rounded = (figures) => JSON.stringify(figures, (_, v) => (typeof v === 'number' ? Math.round(v * 100) / 100 : v))

/** In a page: one connection sends camera and microphone to another, which it finds only where `linkTo` says. */
async function callOneself() {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 960, height: 540, frameRate: 15 }, audio: true })
  const [sender, receiver] = (window.pair = [new RTCPeerConnection(), new RTCPeerConnection()])
  for (const track of stream.getTracks()) sender.addTrack(track, stream)
  const video = document.createElement('video')
  Object.assign(video, { muted: true, autoplay: true })
  document.body.append(video)
  receiver.ontrack = (e) => (video.srcObject = e.streams[0])
  const [out] = sender.getSenders().filter((s) => s.track.kind === 'video')
  const parameters = out.getParameters()
  parameters.degradationPreference = 'maintain-resolution'
  parameters.encodings[0].maxBitrate = 1_600_000
  await out.setParameters(parameters)
  await sender.setLocalDescription()
  const without = (sdp) => sdp.replace(/^a=candidate:.*\r\n/gm, '')
  await receiver.setRemoteDescription({ type: 'offer', sdp: without(sender.localDescription.sdp) })
  const own = new Promise((resolve) => {
    receiver.onicecandidate = ({ candidate: c }) => c?.protocol === 'udp' && c.address?.includes('.') && !c.address.endsWith('.local') && resolve(c)
  })
  await receiver.setLocalDescription()
  const { address, port } = await own
  await sender.setRemoteDescription({ type: 'answer', sdp: without(receiver.localDescription.sdp) })
  await sender.addIceCandidate({ candidate: `candidate:1 1 udp 2130706431 127.0.0.1 ${await window.linkTo(address, port)} typ host`, sdpMLineIndex: 0 })
}

/** In the same page: what the sender thinks. */
async function opinion() {
  const found = {}
  for (const r of (await window.pair[0].getStats()).values()) {
    if (r.type === 'candidate-pair' && r.nominated) found.estimate = r.availableOutgoingBitrate / 1e6
    if (r.type === 'outbound-rtp' && r.kind === 'video') Object.assign(found, { limit: r.qualityLimitationReason, fps: r.framesPerSecond })
  }
  return found
}

describe('estimators over the same way', () => {
  let tutti, pages, browser, directory
  const results = {}

  before(async () => {
    tutti = await startTutti()
    pages = await serveStatic(fileURLToPath(new URL('..', import.meta.url)), { policy: false })
    directory = mkdtempSync(join(tmpdir(), 'tutti-e2e-film-'))
    const film = join(directory, 'film.mjpeg')
    const made = spawnSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=960x540:r=15,noise=alls=10:allf=t', '-t', '6', '-c:v', 'mjpeg', '-q:v', '4', '-pix_fmt', 'yuvj420p', film])
    assert.equal(made.status, 0, made.error?.message ?? made.stderr?.toString())
    browser = await openBrowser({ args: [`--use-file-for-fake-video-capture=${film}`, ...plainAddresses] })
  })
  after(async () => {
    await browser?.close()
    await pages?.close()
    await tutti?.close()
    if (directory) rmSync(directory, { recursive: true, force: true })
  })

  /** Looks at a link for some seconds, ten times a second. */
  async function watch(link, seconds) {
    const looks = []
    for (const begun = performance.now(); performance.now() - begun < 1000 * seconds; await sleep(100)) {
      looks.push({ at: (performance.now() - begun) / 1000, waiting: link.waiting(), ...link.counts })
    }
    return looks
  }

  /** What passed and waited in looks from a time on. */
  function figures(looks, from = 0) {
    const late = looks.filter((l) => l.at >= from)
    const [first, last] = [late[0], late.at(-1)]
    const queue = late.map((l) => l.waiting).sort((a, b) => a - b)
    const [passed, dropped] = [last.passed - first.passed, last.dropped - first.dropped]
    return { mbit: ((last.bytes - first.bytes) * 8) / (last.at - first.at) / 1e6, queue95: queue[Math.floor(queue.length * 0.95)], dropped: dropped / (passed + dropped) }
  }

  /** The first moment from which something holds for some seconds. */
  const since = (looks, seconds, holds) =>
    looks.find((l) => l.at + seconds <= looks.at(-1).at && looks.every((m) => m.at < l.at || m.at > l.at + seconds || holds(m)))?.at

  async function measure(name, link, thinks) {
    await watch(link, 15)
    const before = figures(await watch(link, 10))
    console.log('before', rounded(await thinks?.()))
    link.change({ rate: 0.7e6 })
    const narrow = await watch(link, 25)
    console.log('narrow', rounded(await thinks?.()))
    link.change({ rate: 3e6 })
    const again = await watch(link, 30)
    const second = (at) => figures(again.filter((l) => l.at > at - 1 && l.at <= at)).mbit
    link.change({ loss: 0.05 })
    await watch(link, 5)
    const lossy = figures(await watch(link, 15))
    results[name] = {
      before, first5: figures(narrow.filter((l) => l.at < 5)), fits: since(narrow, 3, (l) => l.waiting < 100), narrow: figures(narrow, 10),
      back: again.find((l) => l.at > 1 && second(l.at) > 0.85 * before.mbit)?.at, again: figures(again, 20), lossy,
    }
    console.log(name, rounded(results[name]))
  }

  it('Chromium to Chromium', async () => {
    const page = await browser.page()
    let link
    await page.exposeFunction('linkTo', async (host, port) => {
      link = await openLink(port, wide, 'server', host)
      return link.port
    })
    await page.goto(`${pages.url}/pages/sdk.html`)
    await page.evaluate(callOneself)
    await eventually('it sends', () => link?.counts.bytes > 200_000)
    await measure('Chromium', link, () => page.evaluate(opinion))
    assert.ok(results.Chromium.narrow.mbit < 0.72, rounded(results.Chromium.narrow))
    await page.close()
    link.close()
  })

  it('Tutti to Chromium', async () => {
    const link = await openLink(tutti.rtc, wide)
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
    const publisher = await enter('ada')
    await publisher.evaluate(async () => {
      await room.localParticipant.setCameraEnabled(true, { resolution: { width: 960, height: 540, frameRate: 15 } }, {
        simulcast: true, videoCodec: 'vp8', degradationPreference: 'maintain-resolution', videoEncoding: { maxBitrate: 1_600_000, maxFramerate: 15 },
        videoSimulcastLayers: [new LivekitClient.VideoPreset(240, 135, 120_000, 15), new LivekitClient.VideoPreset(480, 270, 400_000, 15)],
      })
      await room.localParticipant.setMicrophoneEnabled(true)
    })
    const viewer = await enter('bo', [atPort, { from: tutti.rtc, to: link.port }])
    await eventually('it receives', () => link.counts.bytes > 200_000)
    await measure('Tutti', link)
    assert.ok(results.Tutti.narrow.mbit < 0.72, rounded(results.Tutti.narrow))
    await Promise.all([publisher.close(), viewer.close()])
    link.close()
  })
})
