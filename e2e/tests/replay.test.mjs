// A show that was: recorded while it was on the air, published, and played on its page out of a playlist of the file's pieces.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../lib/browser.mjs'
import { publishRtmp } from '../lib/encoders.mjs'
import { eventually, join, watch } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

describe('a recorded show', { timeout: 1_800_000 }, () => {
  let tutti, browser, encoder
  before(async () => {
    tutti = await startTutti(['--dev', '--record', 'always', '--record-split', '5s', '--away-grace', '200ms', '--push', 'hosts', '--pull', 'hosts'])
    browser = await openBrowser()
    encoder = publishRtmp(`${tutti.rtmp}/past`, { colour: colours.red, tone: 440 })
  })
  after(async () => {
    await encoder?.stop()
    await browser?.close()
    await tutti?.close()
  })

  const recordings = async () => (await (await fetch(`${tutti.url}/api/rooms/past/recordings`, { headers: operator })).json()).recordings
  const operator = { Authorization: `Basic ${Buffer.from('devkey:secret').toString('base64')}`, 'Content-Type': 'application/json' }

  it('is played from beginning to end on the page, its files as one', async () => {
    const running = await eventually('eight seconds are recorded', async () => (await recordings()).find(({ duration }) => duration > 8))
    await encoder.stop()
    const done = await eventually('it is finished', async () => (await recordings()).find(({ state, id }) => state === 'done' && id === running.id))
    assert.ok(done.files.length > 1, `${done.files.length} files`)
    await fetch(`${tutti.url}/api/rooms/past/recordings/${done.id}`, { method: 'PATCH', headers: operator, body: '{"published":true}' })

    const { page } = await watch(browser, `${tutti.url}/w/past`)
    const past = page.getByRole('region', { name: 'Past shows' })
    await past.locator('img').waitFor()
    await past.getByRole('button', { name: /^Play/ }).click()
    const video = past.locator('video')
    await eventually('it plays', () => video.evaluate((one) => one.currentTime > 1 && one.videoWidth === 640))
    const { source, length } = await video.evaluate((one) => ({ source: one.currentSrc, length: one.duration }))
    assert.match(source, /^blob:/, 'it is played piece by piece')
    assert.ok(Math.abs(length - done.duration) < 1, `${length} s of ${done.duration}`)
    // Into the second file, past what was loaded at first.
    await video.evaluate((one, to) => { one.currentTime = to }, done.files[0].duration + 1)
    await eventually('it plays from there', () => video.evaluate((one, from) => one.currentTime > from && !one.seeking && one.readyState > 2, done.files[0].duration + 1.2))
    await eventually('it ends', async () => {
      const { ended, ...state } = await video.evaluate((one) => ({
        ended: one.ended, at: one.currentTime, of: one.duration, paused: one.paused, seeking: one.seeking, ready: one.readyState, error: one.error?.message,
        buffered: Array.from({ length: one.buffered.length }, (_, i) => [one.buffered.start(i), one.buffered.end(i)]),
      }))
      return ended || Promise.reject(new Error(JSON.stringify(state)))
    })
    assert.deepEqual(page.complaints, [])
  })

  /** Adds a target and a source that this server may not connect to, reads why nothing goes there or comes from there, and removes both when asked. */
  const setElsewhere = async (page, panel, look = async () => {}) => {
    const kinds = [
      { kind: 'Push to other platforms', add: 'Add a target', address: /^Server/, key: /^Stream key \(/, none: 'The show goes to no other platform yet.' },
      { kind: 'Fetch from other servers', add: 'Add a source', address: /^Address/, always: true, none: 'Nothing is fetched.' },
    ]
    for (const { kind, add, address, key, always, none } of kinds) {
      const card = panel.getByRole('region', { name: kind })
      await card.getByText(add).click()
      await card.getByLabel('Name', { exact: true }).fill('Elsewhere')
      await card.getByLabel(address).fill(key ? 'rtmp://10.9.8.7/app' : 'rtmp://10.9.8.7/app/secret')
      if (key) await card.getByLabel(key).fill('secret')
      if (always) await card.getByLabel('When').selectOption('always')
      await card.getByRole('button', { name: 'Add', exact: true }).click()
      await card.getByText('this server does not connect to such an address').waitFor()
      await look(kind)
      await card.getByRole('button', { name: 'Remove: Elsewhere' }).click()
      await page.getByRole('dialog', { name: 'Remove “Elsewhere”?' }).getByRole('button', { name: 'Remove' }).click()
      await card.getByText(none).waitFor()
    }
  }

  it('is recorded and fed by what its host sets on the page, and the operator in the console, which tells why a target is not reached', async () => {
    const room = await tutti.createRoom({ title: 'Set by hand' })
    const ada = await join(browser, `${tutti.url}/r/${room.room}#k=${room.keys.host}`, 'Ada', undefined, { listen: true })
    await ada.page.setViewportSize({ width: 1280, height: 900 })
    await ada.page.getByRole('button', { name: 'More', exact: true }).click()
    await ada.page.getByRole('menuitem', { name: 'Recording and streams' }).click()
    const panel = ada.page.getByRole('complementary', { name: 'Recording and streams' })

    // A stream key of its own lets an encoder in; the room is on the air then, and recorded as this server records all.
    await panel.getByText('Make a stream key').first().click()
    await panel.getByLabel('Name, such as Camera 2').fill('Camera 2')
    await panel.getByRole('button', { name: 'Make a stream key' }).click()
    const key = await panel.getByLabel('Stream key', { exact: true }).inputValue()
    encoder = publishRtmp(`${tutti.rtmp}/${key}`, { colour: colours.green, tone: 550 })
    await panel.getByText(/RTMP on the air/).waitFor()
    const told = ada.page.getByRole('img', { name: 'This is being recorded.' })
    await told.waitFor()
    await panel.getByRole('button', { name: 'Stop recording' }).click()
    await panel.getByRole('button', { name: 'Record', exact: true }).waitFor()
    await told.waitFor({ state: 'detached' })
    await panel.getByText(/being finished|0:0/).first().waitFor()

    await setElsewhere(ada.page, panel)

    // The operator sets the same in the console, and what the operator chose the host cannot take away.
    const console = await browser.page()
    await console.addInitScript(() => localStorage.setItem('tutti.language', 'en'))
    await console.goto(`${tutti.url}/console`)
    await console.getByLabel('API key').fill('devkey')
    await console.getByLabel('API secret').fill('secret')
    await console.getByRole('button', { name: 'Sign in' }).click()
    await console.getByRole('button', { name: /Set by hand.*Live/ }).click()
    const detail = console.getByRole('region', { name: /Details: Set by hand/ })
    await setElsewhere(console, detail, async (kind) => {
      const remove = panel.getByRole('region', { name: kind }).getByRole('button', { name: 'Remove: Elsewhere' })
      await remove.waitFor()
      assert.ok(await remove.isDisabled(), `the host may not remove what the operator chose (${kind})`)
    })
    await console.close()

    // What the show leaves behind its host learns when it ends, and can show to viewers there and then.
    await ada.page.locator('.chip', { hasText: 'LIVE' }).click()
    await ada.page.getByRole('dialog').getByRole('button', { name: 'End the show' }).click()
    await ada.page.getByRole('dialog').getByRole('button', { name: 'End the show' }).click()
    const summary = ada.page.getByRole('dialog')
    await summary.getByText('Recorded').first().waitFor()
    await summary.getByRole('checkbox', { name: /^Viewers may play it/ }).first().click()
    await summary.getByRole('link', { name: 'Watch page' }).waitFor()
    await summary.getByRole('button', { name: 'Done' }).click()

    await panel.getByRole('button', { name: 'Revoke: Camera 2' }).click()
    await ada.page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
    await eventually('who published with it has gone', async () => (await panel.getByText(/RTMP on the air/).count()) === 0)
    assert.deepEqual(ada.page.complaints, [])
  })
})
