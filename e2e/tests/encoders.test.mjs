import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { openPeople } from '../lib/browser.mjs'
import { publishPieces, publishRtmp, publishWhip } from '../lib/encoders.mjs'
import { alike, assertClock, assertTones, eventually, join, watch } from '../lib/people.mjs'
import { colours, sendSignal } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

describe('encoders', { timeout: 1_800_000 }, () => {
  let tutti, browser, room, ada
  let running
  const watchUrl = () => `${tutti.url}/w/${room.room}`

  before(async () => {
    tutti = await startTutti()
    browser = await openPeople([{}, {}])
    room = await tutti.createRoom({ title: 'From OBS' })
    ada = await join(browser.people[0], `${tutti.url}/r/${room.room}#k=${room.keys.host}`, 'Ada', { colour: colours.red, tone: 440 })
  })
  afterEach(async () => {
    await running?.stop()
    running = undefined
  })
  after(async () => {
    await browser?.close()
    await tutti?.close()
  })

  it('ffmpeg over RTMP is seen and heard in the room and on the watch page', async () => {
    await ada.page.getByRole('button', { name: 'More', exact: true }).click()
    await ada.page.getByRole('menuitem', { name: 'OBS and encoders' }).click()
    const card = ada.page.getByRole('dialog')
    await card.getByText('Waiting for the encoder…').waitFor()
    const server = await card.getByLabel('Server', { exact: true }).inputValue()
    const key = await card.getByLabel('Stream key', { exact: true }).inputValue()
    assert.equal(server, tutti.rtmp)

    running = publishRtmp(`${server}/${key}`, { colour: colours.yellow, tone: 1000 })
    await card.getByText(/Receiving\s+640×360\s+\d+ fps/).waitFor()
    await ada.page.keyboard.press('Escape')

    const ingest = ada.page.locator('figure[data-identity]:not([data-identity^=host-])')
    await eventually('the room shows the encoder', async () => {
      const seen = await ingest.locator('video').first().evaluate((video) => window.look(video))
      return seen.width === 640 && alike(seen.colour, colours.yellow)
    })
    await assertTones('the host', ada.hears, [1000])

    for (const protocol of ['whep', 'flv', 'hls']) {
      const viewer = await watch(browser.people[1], watchUrl(), protocol)
      await viewer.plays(protocol)
      await eventually(`${protocol} shows the encoder`, async () => alike((await viewer.sees()).colour, colours.yellow))
      await assertTones(protocol, viewer.hears, [440, 1000])
      await viewer.leave()
    }
  })

  it('one whose picture fails at times and comes back in another size is watched on', async () => {
    await eventually('the earlier show is over', async () => (await tutti.live(room.room)) === undefined)
    running = publishPieces(`${tutti.rtmp}/${room.room}?key=${room.keys.publish}`, { colour: colours.yellow, tone: 1000 })
    const viewer = await watch(browser.people[1], watchUrl(), 'flv')
    await viewer.plays('flv')
    // Whoever begins anew has no holes behind. Some browsers play the sound on in a hole, so the picture is looked at.
    let frames
    await eventually('the picture moves beyond two holes', async () => {
      const now = await viewer.page.locator('.player video').evaluate((video) => {
        const { buffered, currentTime } = video
        return buffered.length > 2 && currentTime > buffered.start(buffered.length - 1) && { of: buffered.length, many: video.getVideoPlaybackQuality().totalVideoFrames }
      })
      if (now && now.of !== frames?.of) frames = now
      return now && now.many > frames.many + 10
    })
    await viewer.plays('flv')
    await viewer.leave()
  })

  it('a browser over WHIP is seen and heard in the room and on the watch page', async () => {
    await eventually('the earlier show is over', async () => (await tutti.live(room.room)) === undefined)
    const page = await browser.people[1].page()
    await page.addInitScript(sendSignal, { colour: colours.blue, tone: 880 })
    await page.goto(tutti.url)
    running = await publishWhip(page, `${tutti.url}/whip/${room.room}`, room.keys.publish)
    const ingest = ada.page.locator('figure[data-identity]:not([data-identity^=host-])')
    await assertClock('WHIP in the room', () => ingest.locator('video').first().evaluate((video) => window.look(video)), colours.blue)
    await assertTones('the host', ada.hears, [880])
    const viewer = await watch(browser.people[1], watchUrl())
    await viewer.plays('whep')
    await assertClock('WHIP on the watch page', viewer.sees, colours.blue)
    await assertTones('the watch page', viewer.hears, [440, 880])
    await viewer.leave()
  })
})
