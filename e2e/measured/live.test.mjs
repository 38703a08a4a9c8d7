import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../lib/browser.mjs'
import { alike, assertClock, assertTones, eventually, join, onceOfThree, watch } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

describe('a show from a room', { timeout: 1_800_000 }, () => {
  let tutti, browsers, room, ada, bo
  const watchers = []
  const watchUrl = () => `${tutti.url}/w/${room.room}`

  before(async () => {
    tutti = await startTutti()
    browsers = await Promise.all([1, 2, 3].map(() => openBrowser()))
    room = await tutti.createRoom({ title: 'Night show' })
    const link = (key) => `${tutti.url}/r/${room.room}#k=${key}`
    ada = await join(browsers[0], link(room.keys.host), 'Ada', { colour: colours.red, tone: 440 })
    bo = await join(browsers[1], link(room.keys.guest), 'Bo', { colour: colours.green, tone: 660 })
  })
  after(async () => {
    await Promise.all((browsers ?? []).map((browser) => browser.close()))
    await tutti?.close()
  })

  it('has not started for whoever comes early, and starts by itself', async () => {
    const early = await watch(browsers[2], watchUrl())
    watchers.push(early)
    await early.page.getByRole('heading', { name: 'Not started yet' }).waitFor()
    assert.equal((await fetch(`${tutti.url}/live/${room.room}.flv`)).status, 404)
    assert.equal((await fetch(`${tutti.url}/live/${room.room}/index.m3u8`)).status, 404)

    await ada.page.getByRole('button', { name: 'Go live' }).click()
    await ada.page.getByText('H.264: plays in every player').waitFor()
    await ada.page.getByRole('button', { name: 'Start', exact: true }).click()
    await ada.page.getByRole('button', { name: /LIVE/ }).waitFor()
    await early.plays()
    assert.equal(await early.protocol(), 'whep')
  })

  it('shows the host and carries both voices over WHEP', async () => {
    await assertClock('WHEP', watchers[0].sees, colours.red)
    await assertTones('WHEP', watchers[0].hears, [440, 660])
    const received = await watchers[0].page.evaluate(() => window.reports('inbound-rtp'))
    assert.ok(received.some((r) => r.kind === 'video' && r.framesDecoded > 0))
    await watchers[0].leave()
  })

  it('over FLV', async () => {
    const viewer = await watch(browsers[2], watchUrl(), 'flv')
    await viewer.plays('flv')
    await assertClock('FLV', viewer.sees, colours.red)
    await assertTones('FLV', viewer.hears, [440, 660])
    assert.deepEqual(viewer.page.complaints, [])
    await viewer.leave()
  })

  let hls
  it('over HLS', async () => {
    hls = await watch(browsers[2], watchUrl(), 'hls')
    await hls.plays('hls')
    await assertClock('HLS', hls.sees, colours.red)
    // The picture carries the time at which it was made, in tenths of a second; what the page says is how late it is.
    await eventually('the page says how late the picture is', async () => {
      const said = await hls.page.evaluate(() => parseFloat(/([\d.]+) s behind/.exec(document.querySelector('.delay').textContent)?.[1]))
      const { clock } = await hls.sees()
      const late = ((Math.floor(Date.now() / 100) - clock + 25_600) % 256) / 10
      return clock >= 0 && Math.abs(late - said) < 1.5
    })
    await assertTones('HLS', hls.hears, [440, 660])
  })

  it('tells the host who watches', async () => {
    await eventually('a viewer over HLS is counted', async () => (await tutti.live(room.room))?.viewersByProtocol?.hls === 1)
    await ada.page.getByRole('button', { name: /LIVE .*1 viewer/ }).click()
    const dialog = ada.page.getByRole('dialog')
    await dialog.getByText('HLS 1').waitFor()
    await dialog.getByText(/Mbit\/s|[1-9]\d+ kbit\/s/).first().waitFor()
    await ada.page.keyboard.press('Escape')
  })

  it('shows somebody else when the host chooses so', async () => {
    await ada.tile('Bo').hover()
    await ada.page.getByRole('button', { name: 'More: Bo' }).click()
    await ada.page.getByRole('menuitem', { name: 'Show this to viewers' }).click()
    await assertClock('HLS after the change', hls.sees, colours.green)
    await ada.page.getByRole('button', { name: /LIVE/ }).click()
    const choice = ada.page.getByRole('dialog').getByLabel('What viewers see')
    await eventually('Bo is pinned', async () => (await choice.locator('option:checked').textContent()) === 'Bo')
    await choice.selectOption('Automatic')
    await eventually('it is automatic again', async () => (await choice.locator('option:checked').textContent()) === 'Automatic (now Ada)')
    await ada.page.keyboard.press('Escape')
    await assertClock('HLS after the change back', hls.sees, colours.red)
  })

  it('goes on over HLS with sound while the camera is muted', async (t) => {
    await ada.press('v')
    await ada.control('Turn the camera on').waitFor()
    // Past what a player has buffered and who made it had under way, so that what plays then was made while the camera was off.
    const { end } = await hls.page.locator('.player video').evaluate((video) => ({ end: video.buffered.end(video.buffered.length - 1) + 3 }))
    const time = () => hls.page.locator('.player video').evaluate((video) => video.currentTime)
    await eventually('it plays what was made meanwhile', async () => (await time()) > end)
    await onceOfThree(t, async () => {
      const before = await time()
      await new Promise((resolve) => setTimeout(resolve, 5_000))
      const went = (await time()) - before
      assert.ok(went > 4, `playback went on by ${went.toFixed(1)} s in 5 s`)
    })
    await hls.plays()
    await assertTones('HLS with the camera off', hls.hears, [440, 660])
    assert.ok(alike((await hls.sees()).colour, colours.red), 'the last picture is held')
    await ada.press('v')
    await ada.control('Turn the camera off').waitFor()
    const held = (await hls.sees()).clock
    await eventually('HLS moves again', async () => {
      const { clock } = await hls.sees()
      return clock >= 0 && clock !== held
    })
    await assertClock('HLS with the camera on again', hls.sees, colours.red)
  })

  it('survives a turn of the picture by 90 degrees', async () => {
    const flv = await watch(browsers[2], watchUrl(), 'flv')
    await flv.plays('flv')
    await ada.page.evaluate(() => window.signal.turn())
    await Promise.all([['FLV', flv], ['HLS', hls]].map(async ([name, viewer]) => {
      await eventually(`${name} shows an upright picture`, async () => {
        const seen = await viewer.sees()
        return seen.height > seen.width && seen.width > 0
      })
      await assertClock(`${name} upright`, viewer.sees, colours.red)
    }))
    await ada.page.evaluate(() => window.signal.turn())
    await eventually('HLS shows a wide picture again', async () => {
      const seen = await hls.sees()
      return seen.width > seen.height
    })
    await flv.leave()
  })

  it('goes on by itself after the server was restarted', async () => {
    const whep = await watch(browsers[2], watchUrl(), 'whep')
    const flv = await watch(browsers[2], watchUrl(), 'flv')
    // What was listened to before cannot be captured again from another source, so this viewer is new, too.
    await hls.leave()
    hls = await watch(browsers[2], watchUrl(), 'hls')
    const viewers = [['WHEP', whep], ['FLV', flv], ['HLS', hls]]
    for (const [, viewer] of viewers) await viewer.plays()
    const before = await tutti.live(room.room)
    // What each page said on the way: nobody may be told that the show is over.
    for (const [, viewer] of viewers) {
      await viewer.page.evaluate(() => {
        window.phases = []
        new MutationObserver(() => window.phases.push(document.querySelector('.page').dataset.phase)).observe(
          document.querySelector('.page'), { attributes: true, attributeFilter: ['data-phase'] })
      })
    }
    await tutti.restart()
    const waiting = await fetch(`${tutti.url}/live/${room.room}.flv`)
    if (waiting.status === 404) assert.equal((await waiting.json()).error.state, 'returning')
    else await waiting.body.cancel()

    await ada.page.getByText('The show goes on.').waitFor()
    await ada.page.getByRole('button', { name: /LIVE/ }).waitFor()
    const after = await eventually('the show is on again', () => tutti.live(room.room))
    assert.equal(after.title, before.title)
    assert.equal(Date.parse(after.since), Date.parse(before.since))
    await Promise.all(viewers.map(async ([name, viewer]) => {
      await viewer.plays()
      // The host's picture was shown before, so it is now, whoever came back first.
      await assertClock(`${name} after the restart`, viewer.sees, colours.red)
      await assertTones(`${name} after the restart`, viewer.hears, [440, 660])
      const phases = await viewer.page.evaluate(() => window.phases)
      assert.ok(!phases.includes('ended') && !phases.includes('waiting'), `${name} went through ${phases}`)
    }))
    await whep.leave()
    await flv.leave()
  })

  it('ends when the host confirms, with a summary, and says so to viewers', async () => {
    await ada.page.getByRole('button', { name: /LIVE/ }).click()
    await ada.page.getByRole('button', { name: 'End the show' }).click()
    await ada.page.getByRole('dialog').getByRole('button', { name: 'End the show' }).click()
    await ada.page.getByRole('heading', { name: 'The show is over' }).waitFor()
    await ada.page.getByRole('button', { name: 'Done' }).click()
    await hls.page.getByRole('heading', { name: 'The show is over' }).waitFor()
    assert.equal((await fetch(`${tutti.url}/live/${room.room}.flv`)).status, 404)
    for (const page of [ada.page, bo.page, hls.page]) assert.deepEqual(page.complaints, [])
  })
})
