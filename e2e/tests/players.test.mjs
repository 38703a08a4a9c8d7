// Players and publishers of others, on pages of others, as a site has them that shows what is on the air here; and ours in a browser of others.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { complaints, openBrowser } from '../lib/browser.mjs'
import { publishRtmp, publishWhip } from '../lib/encoders.mjs'
import { openFirefox } from '../lib/firefox.mjs'
import { eventually, watch } from '../lib/people.mjs'
import { colours, receiveSignal, sendSignal } from '../lib/signal.mjs'
import { serveStatic } from '../lib/static.mjs'
import { startTutti } from '../lib/tutti.mjs'
import { openWebkit, webkitMissing } from '../lib/webkit.mjs'

describe('what others have', { timeout: 1_800_000 }, () => {
  let tutti, browser, encoder, pages
  before(async () => {
    tutti = await startTutti(['--dev'], { secure: true })
    pages = await serveStatic(fileURLToPath(new URL('..', import.meta.url)), { policy: false })
    browser = await openBrowser({ devices: false, options: { ignoreHTTPSErrors: true } })
    encoder = publishRtmp(`${tutti.rtmp}/shown`, { colour: colours.red, tone: 440 })
  })
  after(async () => {
    await encoder?.stop()
    await browser?.close()
    await pages?.close()
    await tutti?.close()
  })

  it('video.js plays HLS from another origin', async (t) => {
    const page = await browser.page()
    const wrong = complaints(page)
    await page.addInitScript(receiveSignal)
    await page.goto(`${pages.url}/pages/videojs.html`)
    const playlist = `${tutti.url}/live/shown/index.m3u8`
    await eventually('the playlist is there', async () => (await fetch(playlist)).ok)
    await page.evaluate((src) => {
      const player = window.videojs(document.querySelector('video'), { html5: { vhs: { overrideNative: true, llhls: true } } })
      player.src({ src, type: 'application/vnd.apple.mpegurl' })
      window.player = player
      void player.play()
    }, playlist)
    const video = page.locator('video')
    await eventually('it plays', () => video.evaluate((one) => one.currentTime > 0 && !one.paused && one.videoWidth === 640))
    const from = await video.evaluate((one) => one.currentTime)
    await eventually('it goes on for six seconds', () => video.evaluate((one, start) => one.currentTime > start + 6, from))
    const [share] = await video.evaluate((one, list) => window.shares(one, list), [colours.red])
    assert.ok(share > 0.7, `${share} of it shows what is published`)
    const { error, behind } = await page.evaluate(() => ({ error: window.player.error(), behind: window.player.liveTracker.liveCurrentTime() - window.player.currentTime() }))
    assert.equal(error, null)
    t.diagnostic(`${behind.toFixed(1)} s behind the newest of the playlist`)
    assert.deepEqual(wrong, [])
  })

  it('Chromium plays HLS by itself, as the first who comes to a show', async (t) => {
    const first = publishRtmp(`${tutti.rtmp}/begun`, { colour: colours.blue, tone: 440 })
    t.after(() => first.stop())
    await eventually('the room is on the air', async () => (await tutti.live('begun'))?.on)
    const page = await browser.page()
    await page.goto(`${pages.url}/pages/videojs.html`)
    await page.evaluate((src) => {
      const video = document.createElement('video')
      Object.assign(video, { id: 'own', muted: true, autoplay: true, src })
      document.body.append(video)
    }, `${tutti.url}/live/begun/index.m3u8`)
    await eventually('it plays for three seconds', () => page.evaluate(() => {
      const video = document.querySelector('#own')
      return video.error?.message ?? (video.currentTime > 3 && video.videoWidth)
    }))
    assert.deepEqual(await page.evaluate(() => [document.querySelector('#own').error?.message, document.querySelector('#own').videoWidth]), [undefined, 640])
    await page.close()
  })

  it('hls.js plays over HTTP/2', async () => {
    const viewer = await watch(browser, `${tutti.secureUrl}/w/shown`, 'hls')
    await viewer.plays('hls')
    const video = viewer.page.locator('.player video')
    const from = await video.evaluate((one) => one.currentTime)
    await eventually('it goes on for four seconds', () => video.evaluate((one, start) => one.currentTime > start + 4, from))
    const asked = await viewer.page.evaluate(() => performance.getEntriesByType('resource')
      .filter(({ name }) => /\/live\/shown\/.*\.(m3u8|m4s|mp4)/.test(name))
      .map(({ name, nextHopProtocol }) => ({ part: /\.\d+\.m4s$/.test(name), waited: name.includes('_HLS_msn='), over: nextHopProtocol })))
    assert.deepEqual([...new Set(asked.map(({ over }) => over))], ['h2'])
    for (const kind of ['part', 'waited']) assert.ok(asked.filter((one) => one[kind]).length > 4, `${kind}: ${JSON.stringify(asked)}`)
    assert.deepEqual(viewer.page.complaints, [])
    await viewer.leave()
  })

  it('WebKitGTK plays the watch page', { skip: webkitMissing || false }, async (t) => {
    const webkit = await openWebkit()
    t.after(() => webkit.close())
    await webkit.goto(`${tutti.url}/w/shown`)
    const state = () => webkit.evaluate(() => {
      const video = document.querySelector('.player video')
      if (video?.paused) {
        video.muted = true // nobody has clicked
        video.play().catch(() => {})
      }
      const { phase, protocol } = document.querySelector('.page')?.dataset ?? {}
      return { phase, protocol, at: video?.currentTime ?? 0, width: video?.videoWidth }
    })
    await eventually('it plays', async () => (await state()).phase === 'playing')
    const { at, width } = await state()
    assert.equal(width, 640)
    await eventually('it goes on for four seconds', async () => (await state()).at > at + 4)
    t.diagnostic(`WebKit ${webkit.version}, over ${(await state()).protocol}`)
  })

  it('Firefox plays FLV (mpegts.js) and HLS (hls.js) on the watch page', async (t) => {
    const firefox = await openFirefox()
    t.after(() => firefox.close())
    for (const way of ['flv', 'hls']) {
      const viewer = await watch(firefox, `${tutti.url}/w/shown`, way)
      await viewer.plays(way)
      const video = viewer.page.locator('.player video')
      const from = await video.evaluate((one) => one.currentTime)
      await eventually(`${way} goes on for four seconds`, () => video.evaluate((one, start) => one.currentTime > start + 4, from))
      const [share] = await viewer.shares([colours.red])
      assert.ok(share > 0.7, `${way}: ${share} of it shows what is published`)
      assert.deepEqual(viewer.page.complaints, [])
      await viewer.leave()
    }
  })

  it('a page publishes a picture in three sizes over WHIP, and goes on after an ICE restart', async () => {
    const room = await tutti.createRoom()
    const page = await browser.page()
    const wrong = complaints(page)
    await page.addInitScript(sendSignal, { colour: colours.blue, tone: 660, width: 1280, height: 720, rate: 10 })
    await page.goto(`${pages.url}/pages/videojs.html`)
    const session = await publishWhip(page, `${tutti.url}/whip/${room.room}`, room.keys.publish, { layers: true })
    assert.equal(await page.evaluate(() => window.whip.trickle()), 204)

    // A viewer over WHEP, on another page.
    const seat = await browser.page()
    await seat.goto(`${pages.url}/pages/videojs.html`)
    await eventually('the room is on the air', async () => (await tutti.live(room.room))?.on)
    await seat.evaluate(async (endpoint) => {
      const peer = (window.peer = new RTCPeerConnection())
      for (const kind of ['video', 'audio']) peer.addTransceiver(kind, { direction: 'recvonly' })
      await peer.setLocalDescription()
      const response = await fetch(endpoint, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: peer.localDescription.sdp })
      await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() })
      window.links = Object.fromEntries(response.headers.get('Link').split(',').map((link) => {
        const [, path, name] = link.match(/<([^>]*)>; rel="urn:ietf:params:whep:ext:core:([^"]*)"/)
        return [name, new URL(path, endpoint).href]
      }))
      new EventSource(window.links['server-sent-events']).addEventListener('layers', ({ data }) => { window.layers = JSON.parse(data) })
    }, `${tutti.url}/whep/${room.room}`)
    const seen = () => seat.evaluate(async () => {
      const found = [...(await window.peer.getStats()).values()].find((r) => r.type === 'inbound-rtp' && r.kind === 'video')
      return { height: found?.frameHeight, frames: found?.framesDecoded ?? 0 }
    })
    const goesOn = async (what) => {
      const { frames } = await seen()
      await eventually(what, async () => (await seen()).frames > frames + 15)
    }

    const heights = async () => {
      const response = await fetch(`${tutti.url}/live/${room.room}/index.m3u8`)
      return response.ok ? [...(await response.text()).matchAll(/RESOLUTION=\d+x(\d+)/g)].map(([, height]) => Number(height)).sort((a, b) => a - b) : []
    }
    await eventually('its sizes are variants of HLS', async () => String(await heights()) === '180,360,720')
    await eventually('the viewer over WHEP gets the largest', async () => (await seen()).height === 720)

    // It is told of the sizes, chooses one, and leaves it to the server again.
    const named = () => seat.evaluate(() => window.layers?.['0'].layers.map(({ height }) => height))
    await eventually('the sizes are named', async () => String(await named()) === '720,360,180')
    const choose = (height) => seat.evaluate(async (wanted) => {
      const layer = window.layers['0'].layers.find((one) => one.height === wanted)
      const body = JSON.stringify(layer ? { mediaId: '0', encodingId: layer.encodingId } : {})
      return (await fetch(window.links.layer, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })).status
    }, height)
    for (const height of [180, 360]) {
      assert.equal(await choose(height), 200)
      await eventually(`the viewer gets ${height} lines`, async () => (await seen()).height === height)
    }
    assert.equal(await choose(), 200)
    await eventually('the viewer gets the largest, of which nothing is said', async () => (await seen()).height === 720)

    // On the watch page a viewer over HLS chooses among them.
    const viewer = await watch(browser, `${tutti.url}/w/${room.room}`, 'hls')
    await viewer.plays()
    await viewer.page.locator('.player').hover()
    await viewer.page.getByRole('button', { name: 'Picture quality' }).click()
    await viewer.page.getByRole('menuitemradio', { name: '360p', exact: true }).click()
    await eventually('the size that was chosen is played', () => viewer.page.locator('.player video').evaluate((video) => video.videoHeight === 360))
    await viewer.page.getByRole('button', { name: 'Picture quality' }).click()
    await viewer.page.getByRole('menuitemradio', { name: '360p', exact: true, checked: true }).waitFor()
    await viewer.page.keyboard.press('Escape')
    // A player that begins anew keeps to it.
    await viewer.page.getByRole('button', { name: 'How it plays' }).click()
    await viewer.page.getByRole('menuitemradio', { name: /^HLS/ }).click()
    await viewer.page.getByRole('button', { name: 'Picture quality' }).waitFor({ state: 'detached' })
    await viewer.page.getByRole('button', { name: 'Picture quality' }).click()
    await viewer.page.getByRole('menuitemradio', { name: '360p', exact: true, checked: true }).waitFor()
    await viewer.leave()

    // The publisher's uplink gives way: it stops the largest, as browsers do by themselves.
    const send = (active) => page.evaluate(async (on) => {
      const sender = window.whip.peer.getSenders().find((one) => one.track.kind === 'video')
      const parameters = sender.getParameters()
      parameters.encodings[2].active = on
      await sender.setParameters(parameters)
    }, active)
    await send(false)
    await eventually('the viewer gets the next smaller one', async () => (await seen()).height === 360)
    await goesOn('that goes on')
    await send(true)
    await eventually('the viewer gets the largest again', async () => (await seen()).height === 720)

    const { ufrag, sent } = await page.evaluate(() => window.whip.restart())
    assert.ok(ufrag && sent)
    await eventually('the connection stands on the new credentials', () => page.evaluate(async (name) => {
      const { peer } = window.whip
      const transport = [...(await peer.getStats()).values()].find((r) => r.type === 'transport')
      return peer.iceConnectionState === 'connected' && `a=ice-ufrag:${transport.iceLocalUsernameFragment}` === name
    }, sent))
    await goesOn('the viewer sees it go on')
    // What a busy machine brings about is not the publisher's.
    const told = ((await tutti.live(room.room)).warnings ?? []).map(({ code }) => code)
    assert.deepEqual(told.filter((code) => ['encrypted', 'picture_codec_needs_ffmpeg', 'b_frames_webrtc', 'sound_unsupported', 'several_pictures_need_ffmpeg'].includes(code)), [])
    assert.deepEqual(wrong, [])
    assert.equal(await session.stop(), 200)
    await Promise.all([page.close(), seat.close()])
  })
})
