// How long it takes until everybody sees a viewer who is let up: from the host's acceptance, and from the moment at which she leaves her preview.
// The figures are told and not judged, since a busy machine is slow; what is asserted is who sees what, and in which order.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openPeople } from '../lib/browser.mjs'
import { eventually, join, watch } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

const signal = (colour, tone) => ({ colour: colours[colour], tone, width: 320, height: 180, rate: 15 })
const small = { viewport: { width: 900, height: 560 } }
const rounds = 3

/** In a page: when a colour is first seen in the program, in milliseconds since 1970. */
const firstSeen = ({ page }, colour) => page.locator('.player video').evaluate((video, of) => new Promise((resolve) => {
  // Once a picture: looking oftener would take the time that is measured.
  const look = () => (window.shares(video, [of])[0] > 0.03 ? resolve(Date.now()) : video.requestVideoFrameCallback(look))
  look()
}), colours[colour])

/** In a page: when a viewer's way up is at some point. */
const reaches = ({ page }, phase) => page.evaluate((to) => new Promise((resolve) => {
  const screen = document.querySelector('.page')
  const look = () => screen.dataset.seat === to && (watcher.disconnect(), resolve(Date.now()))
  const watcher = new MutationObserver(look)
  watcher.observe(screen, { attributes: true })
  look()
}), phase)

/** In a page: presses a button as soon as it is there, and tells when. */
const pressSoon = ({ page }, name) => page.evaluate((text) => new Promise((resolve) => {
  const look = () => {
    const button = [...document.querySelectorAll('button')].find((one) => one.textContent.trim() === text)
    if (!button) return
    watcher.disconnect()
    const at = Date.now()
    button.click()
    resolve(at)
  }
  const watcher = new MutationObserver(look)
  watcher.observe(document.body, { childList: true, subtree: true })
}), name)

/** Presses a button in the page and tells when. */
const press = (button) => button.evaluate((element) => {
  const at = Date.now()
  element.click()
  return at
})

describe('a viewer who goes up', { timeout: 1_800_000 }, () => {
  let tutti, browser, room, ada, mei
  const button = (who, name) => who.page.getByRole('button', { name, exact: true })

  before(async () => {
    tutti = await startTutti()
    browser = await openPeople([{}, small, { viewport: { width: 360, height: 640 }, phone: true }])
    room = await tutti.createRoom({ title: 'Up', scene: 'show' })
    ada = await join(browser.people[0], `${tutti.url}/r/${room.room}#k=${room.keys.host}`, 'Ada', signal('red', 440))
    await eventually('Ada is seen', () => ada.sees('Ada'))
    for (const [method, path, body] of [['POST', 'live', {}], ['PATCH', 'program', { height: 360, fps: 15 }]]) {
      const response = await fetch(`${tutti.url}/api/rooms/${room.room}/${path}`, { method, headers: { 'X-Tutti-Key': room.keys.host }, body: JSON.stringify(body) })
      assert.ok(response.ok, `${method} ${path}: ${response.status}`)
    }
    mei = await watch(browser.people[2], `${tutti.url}/w/${room.room}`, '', { name: 'Mei', signal: signal('yellow', 1320) })
    await mei.plays('')
  })
  after(async () => {
    await browser?.close()
    await tutti?.close()
  })

  // One viewer after the other: a page behind another shows few pictures a second, and each window takes its part of the machine.
  for (const way of ['whep', 'flv']) {
    it(`is in the room, seen over ${way.toUpperCase()}, and down again`, async (t) => {
      const viewer = await watch(browser.people[1], `${tutti.url}/w/${room.room}`, way)
      await viewer.plays(way)
      const all = []
      for (let round = 0; round < rounds; round++) {
        await button(mei, 'Raise hand').click()
        await button(ada, 'Let up: Mei').waitFor()
        const look = firstSeen(viewer, 'yellow')
        const preview = reaches(mei, 'preview')
        const on = reaches(mei, 'on')
        // The seconds of the preview are hers: the way up goes on when she takes it, as here at once.
        const goesUp = pressSoon(mei, 'Go up now')
        const accepted = await press(button(ada, 'Let up: Mei'))
        const [shown, pressed, came, seen] = await Promise.all([preview, goesUp, on, look])
        assert.ok(came > pressed && seen > pressed, 'she was seen before she wanted to be')
        all.push({ preview: shown - accepted, room: came - pressed, seen: seen - pressed, ofAll: seen - accepted })
        await button(mei, 'Step down').click()
        await mei.page.locator('.page[data-seat=""]').waitFor()
        await mei.plays('')
        await eventually('she is seen no more', async () => (await viewer.shares([colours.yellow]))[0] < 0.01)
      }
      const told = {
        preview: 'host accepts, viewer sees her preview', room: 'she goes up, is in the room', seen: 'she goes up, is seen',
        ofAll: 'host accepts, is seen who left the preview at once',
      }
      for (const [what, words] of Object.entries(told)) {
        const sorted = all.map((took) => took[what]).toSorted((a, b) => a - b)
        t.diagnostic(`${way}: ${words}: ${sorted[Math.floor(sorted.length / 2)]} ms (${sorted.join(', ')})`)
      }
      assert.equal(await viewer.protocol(), way, 'a player was given up')
      await viewer.plays()
      await viewer.leave()
    })
  }
})
