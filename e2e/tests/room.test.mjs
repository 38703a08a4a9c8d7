import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openPeople } from '../lib/browser.mjs'
import { assertClock, assertTones, eventually, join } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

describe('three people in a room', { timeout: 1_800_000 }, () => {
  let tutti, browser, room, ada, bo, cy
  const link = (key) => `${tutti.url}/r/${room.room}#k=${key}`

  before(async () => {
    tutti = await startTutti()
    browser = await openPeople([{}, {}, {}])
    room = await tutti.createRoom({ title: 'Three' })
    ada = await join(browser.people[0], link(room.keys.host), 'Ada', { colour: colours.red, tone: 440 })
    bo = await join(browser.people[1], link(room.keys.guest), 'Bo', { colour: colours.green, tone: 660 })
    cy = await join(browser.people[2], link(room.keys.guest), 'Cy', { colour: colours.blue, tone: 880 })
  })
  after(async () => {
    await browser?.close()
    await tutti?.close()
  })

  it('see each other', async () => {
    await Promise.all([
      assertClock('Ada seen by Bo', () => bo.sees('Ada'), colours.red), assertClock('Ada seen by Cy', () => cy.sees('Ada'), colours.red),
      assertClock('Bo seen by Ada', () => ada.sees('Bo'), colours.green), assertClock('Bo seen by Cy', () => cy.sees('Bo'), colours.green),
      assertClock('Cy seen by Ada', () => ada.sees('Cy'), colours.blue), assertClock('Cy seen by Bo', () => bo.sees('Cy'), colours.blue),
    ])
  })

  it('hear each other', async () => {
    await Promise.all([assertTones('Ada', ada.hears, [660, 880]), assertTones('Bo', bo.hears, [440, 880]), assertTones('Cy', cy.hears, [440, 660])])
  })

  it('send H.264 and receive without loss', async () => {
    const sent = await ada.page.evaluate(() => window.reports('outbound-rtp'))
    assert.ok(sent.some((r) => r.kind === 'video' && r.framesEncoded > 0), 'Ada sends no picture')
    const codecs = await ada.page.evaluate(() => window.reports('codec'))
    assert.ok(codecs.some((codec) => codec.mimeType === 'video/H264'))
    for (const who of [ada, bo, cy]) {
      const received = await who.page.evaluate(() => window.reports('inbound-rtp'))
      const pictures = received.filter((r) => r.kind === 'video' && r.framesDecoded > 0)
      assert.equal(pictures.length, 2, `${who.name} decodes ${pictures.length} pictures`)
      const lost = received.reduce((sum, r) => sum + Math.max(0, r.packetsLost ?? 0), 0)
      const got = received.reduce((sum, r) => sum + (r.packetsReceived ?? 0), 0)
      assert.ok(lost <= got * 0.01, `${who.name} lost ${lost} of ${got} packets`)
    }
  })

  it('write to each other', async () => {
    await ada.press('c')
    await ada.page.getByRole('textbox', { name: 'Write to everyone' }).fill('Hello 你好 <b>')
    await ada.page.keyboard.press('Enter')
    await bo.control(/^Chat, 1 new message$/).click()
    await bo.page.getByText('Hello 你好 <b>', { exact: true }).waitFor()
    await ada.page.getByRole('button', { name: 'Close' }).click()
    await bo.page.getByRole('button', { name: 'Close' }).click()
  })

  it('show each other what they feel, and take a still of a picture', async () => {
    const rises = bo.tile('Ada').locator('.rising').waitFor({ state: 'attached' })
    await ada.control('React').click()
    await ada.page.getByRole('menuitem', { name: 'Applause' }).click()
    await Promise.all([rises, bo.page.getByRole('status').filter({ hasText: 'Ada: Applause' }).waitFor({ state: 'attached' })])
    await ada.tile('Ada').locator('.rising').waitFor({ state: 'detached' })
    await ada.press('Escape')
    await bo.tile('Ada').hover()
    await bo.control('More: Ada').click()
    await bo.page.getByRole('menuitem', { name: 'Snapshot' }).click()
    await bo.page.getByRole('img', { name: 'Snapshot of Ada' }).locator('canvas').waitFor()
    const [file] = await Promise.all([bo.page.waitForEvent('download'), bo.page.getByRole('button', { name: 'Save', exact: true }).click()])
    assert.match(file.suggestedFilename(), /\.jpg$/)
    await bo.press('Escape')
  })

  it('mute and unmute by keyboard', async () => {
    await bo.page.bringToFront()
    await bo.press('m')
    await bo.control('Unmute').waitFor()
    await ada.tile('Bo').getByText('Microphone off').waitFor({ state: 'attached' })
    await eventually('Bo is silent for Ada', async () => (await ada.hears([660]))[0] < -60)
    await bo.press('m')
    await bo.control('Mute').waitFor()
    await assertTones('Ada', ada.hears, [660])
  })

  it('see what their connection does, by keyboard, and on each picture while they look', async () => {
    await bo.page.bringToFront()
    await bo.control('More').focus()
    await bo.press('Enter')
    for (let i = 0; i < 12 && (await bo.page.evaluate(() => document.activeElement.textContent.trim())) !== 'Statistics'; i++) await bo.press('ArrowDown')
    await bo.press('Enter')
    const panel = bo.page.getByRole('complementary', { name: 'Statistics' })
    for (const title of ['Through the server', 'What you send', 'From Ada', 'From Cy', 'Connection']) await panel.getByRole('heading', { name: title }).waitFor()
    await panel.locator('canvas').first().waitFor()
    // What is read in the page is what the browser counts.
    await eventually('rates go both ways', async () => (await panel.locator('figure').first().innerText()).match(/sent\s+[1-9].*bit\/s[^]*received\s+[1-9].*bit\/s/))
    for (const name of ['Ada', 'Bo', 'Cy']) await bo.tile(name).locator('[data-figures]', { hasText: /^\d+×\d+ · \d+ fps · H\.264 · [\d.]+ [kM]bit\/s/ }).waitFor()
    await panel.getByRole('button', { name: 'Close' }).click()
    assert.equal(await bo.page.locator('[data-figures]').count(), 0)
    await bo.tile('Cy').hover()
    await bo.control('More: Cy').click()
    await bo.page.getByRole('menuitem', { name: 'Show its figures' }).click()
    await bo.tile('Cy').locator('[data-figures]').waitFor()
    assert.equal(await bo.page.locator('[data-figures]').count(), 1)
    await bo.control('More: Cy').click()
    await bo.page.getByRole('menuitem', { name: 'Hide its figures' }).click()
    await bo.tile('Cy').locator('[data-figures]').waitFor({ state: 'detached' })
  })

  it('turn the camera off and on', async () => {
    await bo.press('v')
    await bo.control('Turn the camera on').waitFor()
    await eventually('Ada sees the avatar of Bo', async () => (await ada.tile('Bo').locator('.avatar').count()) === 1)
    // Of those whom she sees it is the first who floats.
    await ada.page.bringToFront()
    await ada.control('More').click()
    await ada.page.getByRole('menuitem', { name: 'Picture in picture' }).click()
    await ada.page.waitForFunction(() => document.pictureInPictureElement?.closest('figure').textContent.includes('Cy'))
    await ada.page.evaluate(() => document.exitPictureInPicture())
    await bo.page.bringToFront()
    await bo.press('v')
    await assertClock('Bo seen by Ada again', () => ada.sees('Bo'), colours.green)
  })

  it('share a screen', async () => {
    await cy.page.evaluate(() => {
      // The picker is the browser's; what it gives is made up.
      navigator.mediaDevices.getDisplayMedia = async () => new MediaStream([window.signal.picture(), window.signal.sound()])
    })
    await cy.control('Share the screen').click()
    await assertClock('the screen of Cy seen by Ada', () => ada.sees('Cy', 'screen'), colours.blue)
    await cy.tile('Cy', 'screen').getByText('You are sharing your screen').waitFor()
    assert.equal(await cy.tile('Cy', 'screen').locator('video').count(), 0, 'the own screen is not shown within itself')
    await cy.control('Stop sharing').click()
    await eventually('the screen is gone', async () => (await ada.tile('Cy', 'screen').count()) === 0)
  })

  it('fill the screen with the meeting, and see in it what is said in passing', async () => {
    await bo.page.bringToFront()
    await bo.control('More').click()
    await bo.page.getByRole('menuitem', { name: 'Full screen', exact: true }).click()
    await bo.page.waitForFunction(() => document.fullscreenElement?.contains(document.querySelector('.toasts')))
    assert.deepEqual(await bo.page.evaluate(() => {
      const { width, height } = document.querySelector('.room').getBoundingClientRect()
      return [width, height, document.documentElement.scrollHeight]
    }), await bo.page.evaluate(() => [innerWidth, innerHeight, innerHeight]))
    await bo.control('More').click()
    await bo.page.getByRole('menuitem', { name: 'Leave full screen', exact: true }).click()
    await bo.page.waitForFunction(() => document.fullscreenElement === null)
  })

  it('come back after the WebSocket was cut', async () => {
    const before = await bo.page.evaluate(() => window.sockets.length)
    await bo.page.evaluate(() => window.sockets.findLast((s) => s.readyState === WebSocket.OPEN).close(4000, 'cut by the test'))
    await eventually('a new WebSocket is open', () =>
      bo.page.evaluate((n) => window.sockets.length > n && window.sockets.at(-1).readyState === WebSocket.OPEN, before),
    )
    await bo.page.waitForSelector('.room[data-phase=connected]')
    await Promise.all([
      assertClock('Bo seen by Ada after resuming', () => ada.sees('Bo'), colours.green), assertClock('Ada seen by Bo after resuming', () => bo.sees('Ada'), colours.red),
    ])
    // What happens in the room is heard again.
    await ada.press('m')
    await bo.tile('Ada').getByText('Microphone off').waitFor({ state: 'attached' })
    await ada.press('m')
  })

  it('stay while their page only asks whether to leave, leave with it, and come back with it', async () => {
    const sockets = () => bo.page.evaluate(() => window.sockets.length)
    const before = await sockets()
    await bo.page.evaluate(() => window.dispatchEvent(new Event('beforeunload')))
    await ada.press('m')
    await bo.tile('Ada').getByText('Microphone off').waitFor({ state: 'attached' })
    await ada.press('m')
    assert.equal(await sockets(), before)
    await bo.page.evaluate(() => window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })))
    await ada.tile('Bo').waitFor({ state: 'detached' })
    assert.equal(await sockets(), before, 'a page that goes does not come in again')
    await bo.page.evaluate(() => window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })))
    await Promise.all([
      assertClock('Bo seen by Ada after coming back', () => ada.sees('Bo'), colours.green), assertClock('Ada seen by Bo after coming back', () => bo.sees('Ada'), colours.red),
    ])
    await bo.page.waitForSelector('.room[data-phase=connected]')
  })

  it('are muted and removed by the host', async () => {
    await ada.press('p')
    await ada.page.getByRole('button', { name: 'Mute for everyone: Cy' }).click()
    await cy.control('Unmute').waitFor()
    await ada.page.getByRole('button', { name: 'Remove from the room: Cy' }).click()
    await ada.page.getByRole('dialog').getByRole('button', { name: 'Remove from the room' }).click()
    await cy.page.getByRole('heading', { name: 'You were removed' }).waitFor()
    await eventually('Cy is gone', async () => (await ada.tile('Cy').count()) === 0)
  })

  it('are told that they are banned, at once and whenever they come again, until the host forgives them', async () => {
    const again = await join(browser.people[2], link(room.keys.guest), 'Cy', undefined, { listen: true })
    const asHost = (path, body) => fetch(`${tutti.url}/api/rooms/${room.room}${path}`, {
      headers: { 'X-Tutti-Key': room.keys.host }, ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}),
    })
    const { identity } = (await (await asHost('/participants')).json()).participants.find(({ name }) => name === 'Cy')
    const banned = again.page.getByRole('heading', { name: 'You were banned from this room' })
    const enter = again.page.getByRole('button', { name: 'Join without camera and microphone' })
    assert.ok((await asHost('/stage/ban', { identity })).ok)
    await banned.waitFor()
    await again.page.reload()
    await enter.click()
    await banned.waitFor()
    assert.ok((await asHost('/stage/unban', { identity })).ok)
    await again.page.reload()
    await enter.click()
    await again.page.waitForSelector('.room[data-phase=connected]')
    await again.leave()
  })

  it('share only the guests’ link from the host’s address bar', async () => {
    assert.equal(new URL(ada.page.url()).hash, `#k=${encodeURIComponent(room.keys.guest)}`)
  })

  it('stay where they are when another fragment comes into the address, which shows none but the guests’ link', async () => {
    await ada.page.locator('.room').evaluate(async (room, key) => {
      room.dataset.stays = ''
      const changed = new Promise((resolve) => addEventListener('hashchange', resolve, { once: true }))
      location.hash = `#k=${key}`
      await changed
    }, room.keys.host)
    assert.equal(await ada.page.locator('.room[data-stays]').count(), 1)
    assert.equal(new URL(ada.page.url()).hash, `#k=${encodeURIComponent(room.keys.guest)}`)
  })

  it('complain about nothing', () => {
    for (const who of [ada, bo, cy]) assert.deepEqual(who.page.complaints, [], who.name)
  })
})
