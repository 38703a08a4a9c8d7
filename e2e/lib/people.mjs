// People in front of the page: they join rooms and watch shows as a person would, and tell what they see and hear.
import assert from 'node:assert/strict'
import { complaints } from './browser.mjs'
import { patience } from './patience.mjs'
import { collectConnections, receiveSignal, sendSignal } from './signal.mjs'
import { telling } from './tell.mjs'

/** Waits until `check` gives something true and gives it back. Fails with what `check` gave last. */
export async function eventually(what, check, limit = patience) {
  const end = Date.now() + limit
  let last
  for (;;) {
    try {
      last = await check()
      if (last) return last
    } catch (error) {
      last = error
    }
    if (Date.now() > end) assert.fail(`${what}: not within ${limit / 1000} s (last: ${last instanceof Error ? last.message : JSON.stringify(last)})`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** Runs what a busy machine can spoil, up to three times: what is right holds in one of them, what is wrong in none. */
export async function onceOfThree(t, run) {
  for (let left = 2; ; left--) {
    try {
      return await run()
    } catch (error) {
      if (left === 0) throw error
      t.diagnostic(`once more: ${error.message}`)
    }
  }
}

async function prepare(browser, signal) {
  const page = await browser.page()
  page.complaints = complaints(page)
  await page.addInitScript(collectConnections)
  await page.addInitScript(receiveSignal)
  if (signal) await page.addInitScript(sendSignal, signal)
  return page
}

/**
 * Joins a room with the page's own screens. `url` may be a function that takes the page to the room's door by another way. `scripts` are
 * functions with an argument each that run in the page first.
 */
export async function join(browser, url, name, signal, { listen = false, waits = false, scripts = [] } = {}) {
  const page = await prepare(browser, signal)
  for (const [script, argument] of scripts) await page.addInitScript(script, argument)
  await page.addInitScript((who) => {
    localStorage.setItem('tutti.name', who)
    localStorage.setItem('tutti.language', 'en')
  }, name)
  await telling(`${name} joins`, (async () => {
    if (typeof url === 'function') await url(page)
    else await page.goto(url)
    await enter(page, listen, waits)
  })())
  return {
    name,
    page,
    tile: (of, kind = 'camera') => page.locator(`figure[data-kind=${kind}]`, { has: page.locator('figcaption', { hasText: of }) }),
    /** What the picture of somebody looks like here. */
    async sees(of, kind = 'camera') {
      const video = this.tile(of, kind).locator('video').first()
      if ((await video.count()) === 0) return undefined
      return video.evaluate((element) => window.look(element))
    },
    /** How loud tones are in what is heard of the others, in dB of full scale. */
    hears: (tones) =>
      page.evaluate(async (list) => {
        const all = await Promise.all([...document.querySelectorAll('audio')].map((element) => window.listen(element, list)))
        return list.map((_, i) => Math.max(-160, ...all.map((levels) => levels[i])))
      }, tones),
    press: (key) => page.keyboard.press(key),
    /** Loads the page again and comes in again, as somebody does whose browser crashed. */
    async reload() {
      await page.reload()
      await enter(page, listen, waits)
    },
    control: (label) => page.getByRole('button', { name: label, exact: true }),
    /** Chooses what the scene has: it is in the bar, or among its tools. */
    async tool(label) {
      const inBar = page.locator('footer').getByRole('button', { name: new RegExp(`^${label}(, .*)?$`) })
      if ((await inBar.count()) > 0) return inBar.click()
      await page.locator('footer').getByRole('button', { name: /^Tools/ }).click()
      await page.getByRole('menuitem', { name: new RegExp(`^${label}( \\(\\d+\\))?$`) }).click()
    },
    async leave() {
      await page.close()
    },
  }
}

async function enter(page, listen, waits) {
  await page.getByRole('button', { name: listen ? 'Join without camera and microphone' : /^Join( as host)?$/ }).click()
  await page.waitForSelector(waits ? '[data-waiting]' : '.room[data-phase=connected]', { timeout: patience })
}

/**
 * Opens the watch page, by a chosen protocol or the one that the page takes. With a signal the viewer has a camera and a microphone, for going
 * up onto a stage.
 */
export async function watch(browser, url, protocol, { name = '', signal } = {}) {
  const page = await prepare(browser, signal)
  await page.addInitScript((who) => {
    localStorage.setItem('tutti.language', 'en')
    if (who) localStorage.setItem('tutti.name', who)
  }, name)
  await page.goto(url)
  const choose = async (way) => {
    await page.waitForSelector('.page[data-protocol]:not([data-protocol=""])', { timeout: patience })
    await page.locator('.player').hover()
    // On a phone the picture has one menu for everything.
    await page.getByRole('button', { name: 'How it plays' }).or(page.locator('.player.bare').getByRole('button', { name: 'More' })).click()
    await page.getByRole('menuitemradio', { name: new RegExp(`^${{ whep: 'WebRTC', flv: 'FLV', hls: 'HLS' }[way]}`) }).click()
  }
  if (protocol) await telling(`choosing ${protocol}`, choose(protocol))
  return {
    page,
    phase: () => page.getAttribute('.page', 'data-phase'),
    protocol: () => page.getAttribute('.page', 'data-protocol'),
    plays: (way = protocol) => eventually(`it plays${way ? ` over ${way}` : ''}`, async () => {
      const { phase, protocol: over } = await page.locator('.page').first().evaluate(({ dataset }) => ({ ...dataset }))
      if (phase === 'playing' && (!way || over === way)) return true
      // What does not play soon the page leaves for another way; on a busy machine it is tried again.
      if (phase === 'playing' && way === protocol) await choose(way)
      throw new Error(`${phase} over ${over}`)
    }),
    sees: () => page.locator('.player video').evaluate((element) => window.look(element)),
    /** How much of the picture each colour fills, 0 to 1, wherever it is. */
    shares: (list) => page.locator('.player video').evaluate((element, of) => window.shares(element, of), list),
    /** The same with where it is. */
    places: (list) => page.locator('.player video').evaluate((element, of) => window.places(element, of), list),
    hears: (tones) => page.locator('.player video').evaluate((element, list) => window.listen(element, list), tones),
    async leave() {
      await page.close()
    },
  }
}

/** Whether two colours are the same but for what codecs do to them. */
export function alike(a, b, within = 60) {
  return a.every((value, i) => Math.abs(value - b[i]) <= within)
}

/**
 * Asserts that somebody's picture has a colour and that its clock goes on at the pace of time. A busy machine holds a picture up for a moment, and
 * a player makes up for being late: what is right goes at its pace between two of a few looks, what is wrong between none.
 */
export async function assertClock(what, look, colour) {
  const seen = () =>
    eventually(`${what} shows its colour and clock`, async () => {
      const picture = await look()
      return picture && alike(picture.colour, colour) && picture.clock >= 0 ? { ...picture, at: Date.now() } : undefined
    })
  const looks = [await seen()]
  while (looks.length < 36) {
    await new Promise((resolve) => setTimeout(resolve, 600))
    const now = await seen()
    // From one of the looks of the last seconds to this one; the clock begins anew after 25.6 s.
    for (const before of looks.slice(-12)) {
      const advanced = ((now.clock - before.clock + 256) % 256) / 10
      const passed = (now.at - before.at) / 1000
      if (passed > 1.2 && now.clock !== before.clock && Math.abs(advanced - passed) < 0.6 * Math.min(passed, 2)) return now
    }
    looks.push(now)
  }
  assert.fail(`${what}: the clock does not go at the pace of time: ${looks.map((l) => `${l.clock / 10} s at ${(l.at - looks[0].at) / 1000} s`).join(', ')}`)
}

/** Asserts that tones are heard well. */
export function assertTones(what, hears, tones, limit) {
  return eventually(`${what} hears ${tones.join(' and ')} Hz`, async () => {
    const levels = await hears(tones)
    return levels.every((level) => level > -50) || Promise.reject(new Error(levels.map((level) => `${Math.round(level)} dB`).join(', ')))
  }, limit)
}

/** Asserts that of some tones none is heard any more, while another is. */
export function assertNoTones(what, hears, tones, heard, limit) {
  return eventually(`${what} hears nothing of ${tones.join(' and ')} Hz, but ${heard}`, async () => {
    const levels = await hears([heard, ...tones])
    return (levels[0] > -50 && levels.slice(1).every((level) => level < -70)) || Promise.reject(new Error(levels.map((level) => `${Math.round(level)} dB`).join(', ')))
  }, limit)
}
