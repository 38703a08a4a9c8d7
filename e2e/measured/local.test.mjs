// What a person sends and keeps in a call: filters, devices that change and go, snapshots, recordings. In Chromium with made-up
// devices, on a bench of the test build that uses the real parts without a server.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { complaints, openBrowser } from '../lib/browser.mjs'
import { eventually, onceOfThree } from '../lib/people.mjs'
import { buildStates } from '../lib/states.mjs'
import { serveStatic } from '../lib/static.mjs'


/** A camera of warm grey and cold grey halves with a sharp edge between them. Runs in the page. */
function drawnCamera() {
  const canvas = document.createElement('canvas')
  canvas.width = 640
  canvas.height = 360
  const c = canvas.getContext('2d')
  let n = 0
  const draw = () => {
    const { width, height } = canvas
    c.fillStyle = 'rgb(150 110 90)'
    c.fillRect(0, 0, width / 2, height)
    c.fillStyle = 'rgb(60 90 130)'
    c.fillRect(width / 2, 0, width / 2, height)
    c.fillStyle = n++ % 2 ? '#fff' : '#000'
    c.fillRect(0, 0, 16, 16)
  }
  setInterval(draw, 33)
  draw()
  window.turnCamera = () => {
    ;[canvas.width, canvas.height] = [canvas.height, canvas.width]
    draw()
  }
  navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(30)
}

/** Puts `window.watchTrack(track, ms)` into a page: frames a second, the longest gap, size, and colours of the last frame. */
function trackWatcher() {
  const canvas = new OffscreenCanvas(1, 1)
  const c = canvas.getContext('2d', { willReadFrequently: true })
  window.look = (frame) => {
    canvas.width = frame.displayWidth
    canvas.height = frame.displayHeight
    c.drawImage(frame, 0, 0)
    const at = (x, y) => [...c.getImageData(Math.round(x), Math.round(y), 1, 1).data.slice(0, 3)]
    const [w, h] = [canvas.width, canvas.height]
    return { size: [w, h], left: at(w / 4, h / 2), right: at((w * 3) / 4, h / 2), edge: [at(w / 2 - 6, h / 2), at(w / 2 + 6, h / 2)] }
  }
  window.watchTrack = async (track, ms) => {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader()
    const end = performance.now() + ms
    let [n, first, last, gap, seen, rising, stamp] = [0, 0, 0, 0, undefined, true, -1]
    while (performance.now() < end) {
      const { value, done } = await reader.read()
      if (done) break
      const now = performance.now()
      if (last) gap = Math.max(gap, now - last)
      first ||= now
      last = now
      n++
      rising &&= value.timestamp > stamp
      stamp = value.timestamp
      seen = window.look(value)
      value.close()
    }
    await reader.cancel()
    return { fps: ((n - 1) * 1000) / (last - first), gap, rising, ...seen }
  }
  /** Follows whatever the media sends as a sender would, until `stop`; gives the longest time without a frame. */
  window.follow = (media) => {
    let [gap, last, frames, going] = [0, performance.now(), 0, true]
    let reader
    const read = async () => {
      const own = new MediaStreamTrackProcessor({ track: media.camera }).readable.getReader()
      void reader?.cancel()
      reader = own
      while (going && own === reader) {
        const { value, done } = await own.read()
        if (done) break
        value.close()
        if (own !== reader) break
        gap = Math.max(gap, performance.now() - last)
        last = performance.now()
        frames++
      }
    }
    media.onchange = () => media.camera && void read()
    void read()
    return () => {
      going = false
      media.onchange = undefined
      void reader.cancel()
      return { gap, frames }
    }
  }
}

const spread = ([r, g, b]) => Math.max(r, g, b) - Math.min(r, g, b)
const distance = ([a, b]) => Math.max(...a.map((value, i) => Math.abs(value - b[i])))

describe('what a person sends and keeps', { timeout: 1_800_000 }, () => {
  let server
  let browser
  let files
  before(async () => {
    files = mkdtempSync(join(tmpdir(), 'tutti-local-'))
    server = await serveStatic(buildStates())
    browser = await openBrowser({ args: ['--use-fake-device-for-media-stream=device-count=3,fps=30,display-media-type=browser'] })
  })
  after(async () => {
    await browser?.close()
    await server?.close()
    rmSync(files, { recursive: true, force: true })
  })

  async function openBench(...scripts) {
    const page = await browser.page()
    page.wrong = complaints(page)
    await page.addInitScript(() => localStorage.setItem('tutti.language', 'en'))
    for (const script of scripts) await page.addInitScript(script)
    await page.goto(`${server.url}/__states/local-bench`)
    await page.waitForFunction(() => window.bench)
    return page
  }

  async function close(page) {
    await page.evaluate(() => window.bench.media.stop())
    await eventually('no worker is left behind', () => page.workers().length === 0)
    assert.deepEqual(page.wrong, [])
    await page.close()
  }

  for (const way of ['worker', 'page']) {
    it(`each filter does to the picture what it says, in the ${way}`, async (t) => {
      const page = await openBench(drawnCamera, trackWatcher)
      await onceOfThree(t, async () => {
        const seen = await page.evaluate(async (way) => {
          const source = (await navigator.mediaDevices.getUserMedia({ video: true })).getVideoTracks()[0]
          const seen = { raw: await window.watchTrack(source, 1200) }
          const filtering = await window.bench.startFiltering(source, 'none', () => {}, way)
          for (const filter of ['none', 'blur', 'grayscale', 'warm', 'soft', 'vivid']) {
            filtering.setFilter(filter)
            await window.watchTrack(filtering.track, 150)
            seen[filter] = await window.watchTrack(filtering.track, 700)
          }
          filtering.setFilter('blur')
          window.turnCamera()
          await window.watchTrack(filtering.track, 300)
          seen.turned = await window.watchTrack(filtering.track, 300)
          filtering.stop()
          source.stop()
          return seen
        }, way)
        const { raw, none, blur, grayscale, warm, soft, vivid, turned } = seen
        for (const [filter, { fps, rising, size }] of Object.entries(seen)) {
          if (filter === 'turned') continue
          assert.ok(fps >= Math.min(20, raw.fps * 0.75), `${filter}: ${fps} frames a second of ${raw.fps}`)
          assert.ok(rising, `${filter}: timestamps rise`)
          assert.deepEqual(size, raw.size, filter)
        }
        assert.ok(distance([none.left, raw.left]) <= 6 && distance([none.right, raw.right]) <= 6, `none: ${none.left}, ${none.right}`)
        assert.ok(spread(raw.left) > 40 && spread(grayscale.left) <= 4 && spread(grayscale.right) <= 4, `grey: ${grayscale.left}, ${grayscale.right}`)
        assert.ok(warm.left[0] > raw.left[0] + 8 && warm.right[0] > raw.right[0] + 8, `warm: ${raw.left} to ${warm.left}, ${raw.right} to ${warm.right}`)
        assert.ok(warm.left[0] - warm.left[2] > raw.left[0] - raw.left[2] + 8, 'warm: red rises over blue')
        assert.ok(distance(blur.edge) < distance(raw.edge) / 2, `blur: edge ${distance(raw.edge)} to ${distance(blur.edge)}`)
        assert.ok(distance([blur.left, raw.left]) <= 10, 'blur keeps the colours of areas')
        assert.ok(soft.left[1] > raw.left[1] + 10, `soft: ${raw.left} to ${soft.left}`)
        assert.ok(distance([vivid.left, raw.left]) > 6, `vivid: ${raw.left} to ${vivid.left}`)
        assert.deepEqual(turned.size, raw.size.toReversed(), 'a turned camera stays turned')
      })
      await close(page)
    })
  }

  it('changes filters without a gap, and sends the camera itself without one', async (t) => {
    const page = await openBench(drawnCamera, trackWatcher)
    await page.getByRole('button', { name: 'Camera', exact: true }).click()
    await page.waitForFunction(() => window.bench.media.camera)
    await page.getByRole('button', { name: 'Filters' }).click()
    await onceOfThree(t, async () => {
      // What this machine, busy as it is, does to a camera without any change.
      const unchanged = await page.evaluate(async () => {
        const unfollow = window.follow(window.bench.media)
        await new Promise((resolve) => setTimeout(resolve, 2400))
        return unfollow()
      })
      await page.evaluate(() => (window.unfollow = window.follow(window.bench.media)))
      for (const filter of ['Blur', 'Black and white', 'Warm', 'None', 'Vivid', 'None']) {
        await page.getByRole('radio', { name: filter }).check({ force: true })
        await page.waitForTimeout(400)
      }
      const { gap, frames } = await page.evaluate(() => window.unfollow())
      assert.ok(frames > Math.min(40, unchanged.frames / 2), `${frames} frames, ${unchanged.frames} without changes`)
      assert.ok(gap < Math.max(300, 3 * unchanged.gap), `${gap} ms without a frame, ${unchanged.gap} without changes`)
    })
    assert.ok(await page.evaluate(() => window.bench.media.camera === window.bench.media.unfiltered))
    await eventually('the worker ends with the filter', () => page.workers().length === 0)
    await close(page)
  })

  it('off lets go of the camera, and on with a filter sends nothing before the filter', async () => {
    const page = await openBench()
    const seen = await page.evaluate(async () => {
      const { media } = window.bench
      const sent = []
      media.onchange = () => sent.push(media.camera === undefined ? 'nothing' : media.camera === media.unfiltered ? 'camera' : 'filtered')
      await media.setFilter('blur')
      await media.setCamera(true)
      const track = media.unfiltered
      await media.setCamera(false)
      return { sent, on: media.cameraOn, ended: track.readyState, busy: media.busy.camera }
    })
    assert.deepEqual(seen, { sent: ['filtered', 'nothing'], on: false, ended: 'ended', busy: false })
    await close(page)
  })

  it('changes camera and microphone, quality and noise suppression', async () => {
    const page = await openBench(trackWatcher)
    await page.evaluate(() => Promise.all([window.bench.media.setCamera(true), window.bench.media.setMicrophone(true)]))
    await page.getByRole('button', { name: 'Camera and sound' }).click()
    const camera = page.getByLabel('Camera', { exact: true })
    await camera.selectOption({ label: 'fake_device_2' })
    await page.waitForFunction(() => window.bench.media.unfiltered.label === 'fake_device_2' && !window.bench.media.busy.camera)
    await page.getByLabel('Microphone', { exact: true }).selectOption({ label: 'Fake Audio Input 2' })
    await page.waitForFunction(() => window.bench.media.microphone.label === 'Fake Audio Input 2')
    await eventually('the meter moves with the made-up beeps', async () => Number(await page.getByRole('meter').getAttribute('aria-valuenow')) > 5)
    await page.getByLabel('Speaker', { exact: true }).selectOption({ label: 'Fake Audio Output 2' })
    await page.waitForFunction(() => localStorage.getItem('tutti.speaker'))
    const sink = await page.evaluate(async () => {
      const audio = new Audio()
      window.bench.applySpeaker(audio)
      await new Promise((resolve) => setTimeout(resolve, 200))
      return [audio.sinkId, window.bench.media.deviceInUse('audiooutput')]
    })
    assert.equal(sink[0], sink[1])
    await page.keyboard.press('Escape')

    await page.getByRole('button', { name: 'What you send' }).click()
    await page.getByLabel('Picture size').selectOption('360')
    await page.getByText('The camera gives 640 × 360').waitFor()
    await page.getByLabel('Bitrate of the picture').selectOption('600000')
    await page.evaluate(() => window.bench.media.setMicrophone(false))
    await page.getByRole('switch').click()
    await page.waitForFunction(() => window.bench.media.microphone.getSettings().noiseSuppression === false)
    const seen = await page.evaluate(() => ({
      quality: window.bench.media.quality, remembered: JSON.parse(localStorage.getItem('tutti.quality')), noise: localStorage.getItem('tutti.noise'),
      label: window.bench.media.microphone.label, muted: !window.bench.media.microphone.enabled,
    }))
    assert.deepEqual(seen, {
      quality: { height: 360, bitrate: 600_000 }, remembered: { height: 360, bitrate: 600_000 }, noise: 'off', label: 'Fake Audio Input 2', muted: true,
    })
    await page.evaluate(() => localStorage.clear())
    await close(page)
  })

  it('goes on with another device when one is unplugged, and returns when it is back', async () => {
    const page = await openBench(() => {
      // Devices whose label is in the list are not there.
      window.unplugged = []
      const list = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices)
      const get = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
      navigator.mediaDevices.enumerateDevices = async () => (await list()).filter(({ label }) => !window.unplugged.includes(label))
      navigator.mediaDevices.getUserMedia = async (wish) => {
        const stream = await get(wish)
        if (!window.unplugged.includes(stream.getTracks()[0].label)) return stream
        stream.getTracks()[0].stop()
        throw new DOMException('unplugged', 'NotFoundError')
      }
    })
    const plug = (unplugged, track) =>
      page.evaluate(([unplugged, track]) => {
        window.unplugged = unplugged
        window.bench.media[track]?.stop()
        navigator.mediaDevices.dispatchEvent(new Event('devicechange'))
      }, [unplugged, track])
    const label = (track, want) => page.waitForFunction(([track, want]) => window.bench.media[track]?.label === want, [track, want])
    const said = (text) => page.locator('.toasts').getByText(text).waitFor()

    await page.evaluate(() => Promise.all([window.bench.media.setCamera(true), window.bench.media.setMicrophone(true)]))
    const ids = await page.evaluate(() => window.bench.media.cameras.map(({ label, deviceId }) => [label, deviceId]))
    await page.evaluate((id) => window.bench.media.useDevice('videoinput', id), ids[1][1])
    await label('unfiltered', 'fake_device_1')
    await plug(['fake_device_1'], 'unfiltered')
    await said('fake_device_1 was unplugged. You are seen through fake_device_0 now.')
    await label('unfiltered', 'fake_device_0')
    await plug([])
    await said('fake_device_1 is back.')
    await label('unfiltered', 'fake_device_1')

    await plug(['fake_device_0', 'fake_device_1', 'fake_device_2'], 'unfiltered')
    await said('The camera is off: fake_device_1 was unplugged.')
    assert.equal(await page.evaluate(() => window.bench.media.cameraOn), false)
    await plug([])
    await label('unfiltered', 'fake_device_1')

    // A browser may end the track first; and who was muted stays muted.
    const mic = await page.evaluate(() => window.bench.media.microphones.find(({ label }) => label === 'Fake Audio Input 1').deviceId)
    await page.evaluate((id) => window.bench.media.useDevice('audioinput', id), mic)
    await page.evaluate(() => window.bench.media.setMicrophone(false))
    await page.evaluate(() => {
      window.unplugged = ['Fake Audio Input 1']
      window.bench.media.microphone.dispatchEvent(new Event('ended'))
    })
    await said('Fake Audio Input 1 was unplugged.')
    await plug([])
    await label('microphone', 'Fake Audio Input 1')
    assert.deepEqual(await page.evaluate(() => [window.bench.media.microphoneOn, window.bench.media.microphone.enabled]), [false, false])

    // Who turned the camera off in the meantime is not seen again by surprise.
    await plug(['fake_device_1'], 'unfiltered')
    await label('unfiltered', 'fake_device_0')
    await page.evaluate(() => window.bench.media.setCamera(false))
    await plug([])
    await page.waitForTimeout(300)
    assert.equal(await page.evaluate(() => window.bench.media.cameraOn), false)
    await page.evaluate(() => localStorage.clear())
    await close(page)
  })

  it('shares a tab with its sound, until the browser ends it', async () => {
    const page = await openBench()
    const seen = await page.evaluate(async () => {
      const { media } = window.bench
      await media.setScreen(true)
      const seen = [media.screen?.contentHint, media.screenSound?.kind]
      const sound = media.screenSound
      media.screen.dispatchEvent(new Event('ended'))
      return [...seen, media.screen === undefined, media.screenSound === undefined, sound.readyState]
    })
    assert.deepEqual(seen, ['detail', 'audio', true, true, 'ended'])
    await close(page)
  })

  it('says why a device does not come', async () => {
    const page = await openBench(() => {
      navigator.mediaDevices.getUserMedia = async (wish) => {
        throw new DOMException('', wish.video ? 'NotReadableError' : 'NotAllowedError')
      }
    })
    await page.evaluate(() => Promise.all([window.bench.media.setCamera(true), window.bench.media.setMicrophone(true)]))
    await page.getByText('Another program is using the camera.').waitFor()
    await page.getByText('The browser may not use your microphone.').waitFor()
    assert.deepEqual(await page.evaluate(() => [window.bench.media.cameraProblem, window.bench.media.microphoneProblem]), ['busy', 'denied'])
    await close(page)
  })

  it('saves a snapshot with its filter', async () => {
    const page = await openBench(drawnCamera)
    await page.evaluate(() => window.bench.media.setCamera(true))
    await page.getByRole('button', { name: 'Snapshot' }).click()
    await page.getByRole('radio', { name: 'Black and white' }).check({ force: true })
    for (const [format, extension] of [['png', 'png'], ['jpeg', 'jpg']]) {
      await page.getByLabel('File').selectOption(format)
      const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save' }).click()])
      assert.match(file.suggestedFilename(), new RegExp(`^tutti(-\\d{2,4}){6}\\.${extension}$`))
      const path = join(files, file.suggestedFilename())
      await file.saveAs(path)
      const { left, right } = halves(path)
      assert.ok(spread(left) <= 6 && spread(right) <= 6 && distance([left, right]) > 15, `${format}: ${left}, ${right}`)
    }
    await close(page)
  })

  /** Two coloured sources with tones; the second comes and goes. Runs in the page. */
  function twoSources() {
    window.sources = () => {
      const context = new AudioContext()
      return [['left', '#c83228', 440], ['right', '#2846d2', 1000]].map(([id, colour, frequency]) => {
        const canvas = document.createElement('canvas')
        canvas.width = 640
        canvas.height = 360
        const c = canvas.getContext('2d')
        setInterval(() => {
          c.fillStyle = colour
          c.fillRect(0, 0, 640, 360)
        }, 40)
        const tone = new OscillatorNode(context, { frequency })
        const gain = new GainNode(context, { gain: 0.2 })
        const out = context.createMediaStreamDestination()
        tone.connect(gain).connect(out)
        tone.start()
        return { id, name: '', video: canvas.captureStream(25).getVideoTracks()[0], audio: out.stream.getAudioTracks()[0] }
      })
    }
  }

  const ways = [
    { what: 'WebM through storage of the browser', format: 'video/webm;codecs=vp8,opus', place: 'storage', codec: 'vp8', seconds: 5 },
    { what: 'MP4 into a chosen file', format: 'video/mp4;codecs=avc1.640028,opus', place: 'file', codec: 'h264', seconds: 3 },
    { what: 'WebM through memory', format: 'video/webm;codecs=vp9,opus', place: 'memory', codec: 'vp9', seconds: 3 },
  ]
  for (const { what, format, place, codec, seconds } of ways) {
    it(`records both sides, with a pause: ${what}`, (t) => onceOfThree(t, async () => {
      const page = await openBench(twoSources, {
        storage: () => delete window.showSaveFilePicker,
        memory: () => {
          delete window.showSaveFilePicker
          navigator.storage.getDirectory = async () => {
            throw new Error('none')
          }
        },
        file: () => {
          window.showSaveFilePicker = async () => (await navigator.storage.getDirectory()).getFileHandle('chosen', { create: true })
        },
      }[place])
      const downloading = place === 'file' ? undefined : page.waitForEvent('download')
      const seen = await page.evaluate(async ([format, seconds]) => {
        const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
        const [left, right] = window.sources()
        const recording = new window.bench.Recording(format)
        const told = []
        recording.onchange = () => told.push(recording.recording)
        recording.setSources([left, right])
        await recording.start()
        await wait((seconds * 1000) / 2)
        recording.pause()
        await wait(1500)
        const paused = recording.elapsed
        // Somebody comes and goes, and the second is back with other tracks.
        recording.setSources([left])
        recording.setSources([left, { ...right, video: right.video.clone(), audio: right.audio.clone() }])
        recording.resume()
        await wait((seconds * 1000) / 2)
        const asks = !dispatchEvent(new Event('beforeunload', { cancelable: true }))
        await recording.stop()
        const free = dispatchEvent(new Event('beforeunload', { cancelable: true }))
        return { told, asks, free, paused, elapsed: recording.elapsed, size: recording.size, kind: recording.kind, state: recording.state }
      }, [format, seconds])
      assert.deepEqual([seen.told, seen.asks, seen.free, seen.kind, seen.state], [[true, false], true, true, place, 'idle'])
      assert.ok(seen.elapsed - seen.paused > 1 && seen.paused > 1, `elapsed ${seen.paused}, ${seen.elapsed}`)

      const path = join(files, `${place}.${format.slice(6, format.indexOf(';'))}`)
      if (downloading) {
        const file = await downloading
        assert.match(file.suggestedFilename(), /^tutti(-\d{2,4}){6}\.webm$/)
        await file.saveAs(path)
      } else {
        const [file] = await Promise.all([page.waitForEvent('download'), page.evaluate(async () => {
          const handle = await (await navigator.storage.getDirectory()).getFileHandle('chosen')
          const link = document.createElement('a')
          link.href = URL.createObjectURL(await handle.getFile())
          link.download = 'chosen.mp4'
          link.click()
        })])
        await file.saveAs(path)
      }
      const probe = JSON.parse(execFileSync('ffprobe', ['-v', 'error', '-show_format', '-show_streams', '-of', 'json', path]))
      assert.deepEqual(probe.streams.map((s) => s.codec_name).sort(), [codec, 'opus'].sort())
      const duration = Number(probe.format.duration)
      assert.ok(Math.abs(duration - seen.elapsed) < 0.5, `${duration} s recorded in ${seen.elapsed} s`)
      for (const at of [0.7, seen.elapsed - 0.7]) {
        const { left, right } = halves(path, at)
        assert.ok(distance([left, [200, 50, 40]]) < 40 && distance([right, [40, 70, 210]]) < 40, `at ${at} s: ${left} and ${right}`)
        const [low, high, other] = tones(path, at, [440, 1000, 1600])
        assert.ok(low > 10 * other && high > 10 * other, `at ${at} s: tones ${low}, ${high}, nothing ${other}`)
      }
      const frames = Number(execFileSync('ffprobe', [
        '-v', 'error', '-count_packets', '-select_streams', 'v', '-show_entries', 'stream=nb_read_packets', '-of', 'csv=p=0', path,
      ]).toString().match(/\d+/)[0])
      assert.ok(frames / duration > 15, `${frames} frames in ${duration} s`)
      await close(page)
    }))
  }
})

/** The colours in the middle of a picture's left and right halves, by ffmpeg. */
function halves(path, at = 0) {
  const raw = execFileSync('ffmpeg', [
    '-v', 'error', ...(at ? ['-ss', String(at)] : []), '-i', path, '-frames:v', '1', '-vf', 'scale=8:8:flags=area', '-pix_fmt', 'rgb24', '-f', 'rawvideo', '-',
  ])
  const pixel = (x, y) => [...raw.subarray((y * 8 + x) * 3, (y * 8 + x) * 3 + 3)]
  return { left: pixel(1, 4), right: pixel(6, 4) }
}

/** How strong tones are in half a second of sound, by ffmpeg and Goertzel's algorithm. */
function tones(path, at, list) {
  const raw = execFileSync('ffmpeg', ['-v', 'error', '-ss', String(at), '-i', path, '-t', '0.5', '-ac', '1', '-ar', '16000', '-f', 'f32le', '-'])
  const samples = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length))
  return list.map((frequency) => {
    const k = 2 * Math.cos((2 * Math.PI * frequency) / 16000)
    let [a, b] = [0, 0]
    for (const sample of samples) [a, b] = [sample + k * a - b, a]
    return Math.sqrt(Math.max(0, a * a + b * b - k * a * b)) / samples.length
  })
}
