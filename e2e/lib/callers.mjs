// People in a call: they open its link as a person would, and tell what they see and hear and over which way.
import { complaints } from './browser.mjs'
import { patience } from './patience.mjs'
import { assertClock, assertTones, eventually } from './people.mjs'
import { collectConnections, receiveSignal, sendSignal } from './signal.mjs'
import { telling } from './tell.mjs'

/** Made-up devices ask for no permission, without which browsers hide their addresses behind names that nothing here resolves. */
export const plainAddresses = ['--disable-features=WebRtcHideLocalIpsWithMdns']

/** Notes when each picture of somebody was presented, whichever element shows it. Give it to `page.addInitScript`. */
function watchFrames() {
  /** Starts to note frames of the pictures in figures of a name. `gap()` of the result is the longest time without one, in ms. */
  window.frames_of = (name) => {
    const times = [performance.now()]
    const known = new WeakSet()
    const follow = (video) => {
      if (known.has(video)) return
      known.add(video)
      const note = () => {
        // What is still behind another picture is not seen.
        if (!video.classList.contains('coming') && video.isConnected) times.push(performance.now())
        video.requestVideoFrameCallback(note)
      }
      video.requestVideoFrameCallback(note)
    }
    const look = () => {
      for (const figure of document.querySelectorAll('figure[data-kind=camera]')) {
        if (figure.querySelector('figcaption')?.textContent.includes(name)) figure.querySelectorAll('video').forEach(follow)
      }
    }
    look()
    const timer = setInterval(look, 10)
    return {
      gap() {
        clearInterval(timer)
        const all = [...times, performance.now()]
        return Math.max(...all.slice(1).map((at, i) => at - all[i]))
      },
      count: () => times.length,
    }
  }
}

/** Opens a call's link and stays at its first screen. */
export async function open(browser, url, name, signal) {
  const page = await browser.page()
  page.setDefaultTimeout(patience)
  page.complaints = complaints(page)
  await page.addInitScript(collectConnections)
  await page.addInitScript(receiveSignal)
  await page.addInitScript(watchFrames)
  if (signal) await page.addInitScript(sendSignal, signal)
  await page.addInitScript((who) => {
    localStorage.setItem('tutti.name', who)
    localStorage.setItem('tutti.language', 'en')
  }, name)
  await telling(`${name} opens the call`, page.goto(url))
  return person(page, name)
}

/** Opens a call's link where nobody waits, and enters. */
export async function call(browser, url, name, signal) {
  const who = await open(browser, url, name, signal)
  await telling(`${name} starts the call`, (async () => {
    await who.control(/^(Start|Join) the call$/).click()
    await who.page.waitForSelector('.call', { timeout: patience })
  })())
  return who
}

/** Opens a call's link where somebody waits, and accepts. */
export async function answer(browser, url, name, signal, limit = patience) {
  const who = await open(browser, url, name, signal)
  await telling(`${name} accepts`, (async () => {
    await who.control('Accept').click({ timeout: patience })
    await who.page.waitForSelector('.call[data-phase=connected]', { timeout: limit })
  })())
  return who
}

function person(page, name) {
  return {
    name,
    page,
    control: (label) => page.getByRole('button', { name: label, exact: typeof label === 'string' }),
    press: (key) => page.keyboard.press(key),
    tile: (of, kind = 'camera') => page.locator(`figure[data-kind=${kind}]`, { has: page.locator('figcaption', { hasText: of }) }),
    async sees(of, kind = 'camera') {
      const video = this.tile(of, kind).locator('video:not(.coming)').first()
      if ((await video.count()) === 0) return undefined
      return video.evaluate((element) => window.look(element))
    },
    /** How loud tones are in the sounds that are not muted, in dB of full scale. */
    hears: (tones) =>
      page.evaluate(async (list) => {
        const all = await Promise.all([...document.querySelectorAll('audio')].filter((a) => !a.muted).map((a) => window.listen(a, list)))
        return list.map((_, i) => Math.max(-160, ...all.map((levels) => levels[i])))
      }, tones),
    /** How many sounds of each member are heard at the same time. */
    voices: () => page.evaluate(() => [...document.querySelectorAll('audio')].filter((a) => !a.muted).map((a) => a.dataset.member)),
    phase: () => page.getAttribute('.call', 'data-phase'),
    path: () => page.getAttribute('.call', 'data-path'),
    onPath: (path, limit = patience) => page.waitForSelector(`.call[data-phase=connected][data-path=${path}][data-moving=false]`, { timeout: limit }),
    reports: (type) => page.evaluate((wanted) => window.reports(wanted), type),
    /** Kinds of both ends of the chosen candidate pairs of all connections. */
    pairs: () =>
      page.evaluate(async () => {
        const list = []
        for (const peer of window.peers) {
          if (peer.connectionState !== 'connected') continue
          const report = await peer.getStats()
          for (const transport of report.values()) {
            const pair = transport.type === 'transport' && report.get(transport.selectedCandidatePairId)
            if (pair) list.push([report.get(pair.localCandidateId)?.candidateType, report.get(pair.remoteCandidateId)?.candidateType])
          }
        }
        return list
      }),
    say: async (text) => {
      const field = page.getByRole('textbox', { name: /^Write to / })
      if ((await field.count()) === 0) await page.keyboard.press('c')
      await field.fill(text)
      await page.keyboard.press('Enter')
    },
    async hangUp() {
      await page.getByRole('button', { name: 'Hang up' }).click()
    },
    async leave() {
      await page.close()
    },
  }
}

/**
 * Begins to note the frames that two show of each other. What is given back ends that, and tells the longest gap for each in ms, by name,
 * without what a busy machine withheld of the own pictures too, which go over no network.
 */
export async function watchGaps(a, b) {
  const names = [a.name, b.name]
  for (const { page } of [a, b]) await page.evaluate((list) => void (window.watched = list.map((name) => window.frames_of(name))), names)
  return async () => {
    const gaps = []
    for (const { page } of [a, b]) gaps.push(await page.evaluate(() => window.watched.map((frames) => frames.gap())))
    const withheld = Math.max(0, gaps[0][0] - 100, gaps[1][1] - 100)
    return { [a.name]: Math.max(0, Math.round(gaps[0][1] - withheld)), [b.name]: Math.max(0, Math.round(gaps[1][0] - withheld)) }
  }
}

export { assertClock, assertTones, eventually }
