// Every state of every screen: no accessibility violation, no two buttons of the same name, nothing that scrolls sideways.
// STATES=all looks at every state in both languages, both themes and all sizes, STATES=room,home at those in all of them; then a picture of each
// look is left in e2e/out.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { complaints, openBrowser } from '../lib/browser.mjs'
import { buildStates } from '../lib/states.mjs'
import { serveStatic } from '../lib/static.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const out = join(here, '../out')
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const sizes = { phone: { width: 360, height: 780 }, landscape: { width: 844, height: 390 }, desktop: { width: 1440, height: 900 } }
const inEverySize = ['home', 'prejoin', 'room', 'room-screen', 'live-check', 'obs-receiving', 'watch-playing', 'watch-upright', 'console-detail', 'console-people', 'console-person', 'stats', 'check', 'check-blocked', 'files', 'call-two', 'call-alone', 'call-ringing', 'show-host', 'show-viewer', 'show-viewer-wide', 'show-viewer-on', 'board', 'class', 'class-student-roll', 'karaoke', 'team', 'broadcast', 'broadcast-console-full']
const inOne = [
  'show-host-before', 'show-host-stage', 'show-host-layout', 'show-host-layout-off', 'show-host-polls', 'show-host-pk', 'show-host-pk-invited', 'show-host-pk-running',
  'show-host-moderation', 'show-guest', 'home-scene', 'show-viewer-sound', 'show-viewer-share', 'show-viewer-flight', 'watch-sizes', 'show-viewer-waiting', 'show-viewer-empty', 'show-viewer-hand', 'show-viewer-invited', 'show-viewer-silenced', 'show-viewer-slow', 'show-viewer-lost',
  'show-viewer-banned', 'show-viewer-locked', 'show-viewer-replaced', 'show-viewer-poll', 'show-viewer-poll-sheet', 'show-viewer-voted', 'show-viewer-pk', 'show-viewer-pk-over', 'show-viewer-preview', 'show-viewer-on-wide',
  'conference', 'conference-door', 'conference-door-empty', 'conference-locked', 'conference-waiting', 'conference-groups', 'conference-groups-planned', 'conference-groups-open', 'conference-groups-closing', 'conference-groups-close', 'conference-group',
  'broadcast-ended', 'broadcast-empty', 'broadcast-off', 'broadcast-waiting',
  'match', 'match-side', 'match-side-open', 'match-viewer', 'match-pair', 'prejoin-listens',
  'karaoke-songs', 'karaoke-singing', 'karaoke-duet', 'karaoke-gone', 'karaoke-empty', 'karaoke-waiting', 'karaoke-listener', 'karaoke-viewer', 'team-asked', 'team-files', 'team-leaving', 'team-back', 'watch-past', 'show-host-bare', 'show-host-weak',
  'class-screen', 'class-plain', 'class-hands', 'class-roll', 'class-roll-none', 'class-roll-over', 'class-people', 'class-polls', 'class-student', 'class-student-invited',
  'class-student-speaks', 'class-waiting',
  'board-empty', 'board-loading', 'board-watching', 'board-student', 'board-writing', 'board-style', 'board-clear',
  'call-alone-ringing', 'call-alone-unanswered', 'call-alone-declined', 'call-alone-parted', 'call-connecting', 'call-upright', 'call-grid', 'call-camera-off', 'call-screen', 'call-relay',
  'call-words', 'call-moving', 'call-server', 'call-server-path', 'call-reconnecting', 'call-server-lost', 'call-recorded', 'call-chat', 'call-files', 'call-stats',
  'call-invite', 'call-shortcuts', 'call-unfinished', 'call-over-left', 'call-over-full', 'call-over-failed', 'call-over-locked', 'call-over-wrongLink',
  'call-over-expired', 'call-over-missing', 'call-over-duplicate', 'call-over-removed', 'call-over-ended', 'call-over-declined', 'call-over-missed', 'call-over-tooMany', 'call-over-kept',
  'local-effects', 'local-effects-off', 'local-sending', 'local-devices', 'local-snapshot', 'local-snapshot-none', 'local-recording',
  'home-empty', 'home-live', 'home-open', 'home-key', 'prejoin-live', 'prejoin-starting', 'prejoin-joining', 'prejoin-camera-busy', 'prejoin-denied', 'prejoin-busy',
  'prejoin-missing', 'prejoin-insecure', 'prejoin-unsupported', 'prejoin-inapp', 'over-left', 'over-show', 'over-kept', 'over-removed', 'over-banned', 'over-ended',
  'over-duplicate', 'over-full', 'over-failed', 'over-shut', 'over-locked', 'over-wrongLink', 'over-expired', 'over-missing', 'room-connecting', 'room-alone',
  'room-snapshot', 'room-upright', 'room-nine', 'room-speaker', 'room-people', 'room-sharing', 'room-chat-empty', 'room-reconnecting', 'room-listening', 'room-invite',
  'room-devices', 'room-stats', 'room-shortcuts', 'live-on', 'live-end', 'live-leave', 'live-summary', 'obs-waiting', 'watch-sound', 'watch-paused', 'watch-away',
  'watch-sound-only', 'live-returning', 'watch-loading', 'watch-waiting', 'watch-unknown', 'watch-returning', 'watch-starting', 'watch-switching', 'watch-buffering', 'watch-reconnecting',
  'watch-ended', 'watch-forbidden', 'watch-expired', 'watch-missing', 'watch-cannot', 'console-login', 'console', 'console-confirm', 'console-people-none', 'console-person-left',
  'console-empty', 'stats-detail', 'stats-weak', 'stats-relay', 'stats-server', 'stats-waiting', 'check-idle', 'check-running', 'check-speaking',
  'check-nothing', 'check-strict', 'check-turn-off', 'check-devices', 'check-quiet', 'check-weak', 'check-relay', 'check-websocket', 'check-insecure',
  'check-unsupported', 'check-offline', 'check-nodoor', 'check-busy', 'check-cancelled', 'files-empty', 'files-alone', 'files-ended', 'live-recorded',
]

/** States that show something several times over. */
const drawnTwice = /^local-recording-/

const wish = process.env.STATES ?? ''
const all = Object.keys(sizes)
const looks = ['en', 'zh'].flatMap((language) => ['light', 'dark'].map((theme) => ({ language, theme })))

/**
 * What is looked at in a language and a theme: states, and their sizes. A state begins in the first of the sizes and then changes, as a window
 * does that is resized, or a phone that is turned; `examine` are the sizes in which its accessibility is looked at: not all need it in both themes.
 */
function views() {
  const [light, , , dark] = looks
  if (wish) return looks.map((look) => [look, (wish === 'all' ? [...inEverySize, ...inOne] : wish.split(',')).map((state) => ({ state, sizes: all, examine: all }))])
  return [
    [light, [
      ...inEverySize.map((state) => ({ state, sizes: ['phone', 'landscape', 'desktop'], examine: ['phone', 'desktop'] })),
      ...inOne.filter((_, i) => i % 2 === 0).map((state) => ({ state, sizes: ['desktop'], examine: ['desktop'] })),
    ]],
    [dark, [
      ...inEverySize.map((state) => ({ state, sizes: ['desktop', 'phone', 'landscape'], examine: ['landscape'] })),
      ...inOne.filter((_, i) => i % 2 === 1).map((state) => ({ state, sizes: ['phone'], examine: ['phone'] })),
    ]],
  ]
}

/** How many browsers look at states at the same time. */
const lookers = 2

describe('every state of every screen', { timeout: 1_800_000, concurrency: lookers }, () => {
  let server
  let browsers
  let pages
  before(async () => {
    server = await serveStatic(buildStates())
    browsers = await Promise.all(Array.from({ length: lookers }, () => openBrowser({ devices: false })))
    pages = await Promise.all(browsers.map((browser) => browser.page()))
    for (const page of pages) {
      page.wrong = complaints(page)
      await page.addInitScript(() => {
        const wish = new URLSearchParams(location.search)
        for (const [key, value] of wish) localStorage.setItem(`tutti.${key}`, value)
        localStorage.setItem('tutti.name', wish.get('language') === 'zh' ? '林晓雨' : 'Ada')
      })
    }
    mkdirSync(out, { recursive: true })
  })
  after(async () => {
    await Promise.all((browsers ?? []).map((browser) => browser.close()))
    await server?.close()
  })

  /** Waits until pictures have arrived, and what slides in. */
  async function settle(page) {
    await page.waitForFunction(() => [...document.querySelectorAll('video')].every((v) => v.readyState >= 2 || !v.srcObject))
    await page.evaluate(async () => {
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))) // it has been laid out in its size
      await Promise.all(document.getAnimations().filter((a) => a.effect?.getComputedTiming().iterations === 1).map((a) => a.finished.catch(() => {})))
    })
  }

  async function assertAccessible(page, name) {
    if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe)
    const violations = await page.evaluate(async () => {
      const result = await window.axe.run(document, { resultTypes: ['violations'], rules: { 'page-has-heading-one': { enabled: false } } })
      return result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join(' | ')}`)
    })
    assert.deepEqual(violations, [], name)
    // Whoever hears a button alone, out of its row, knows whom or what it is about.
    const same = await page.evaluate(() => {
      const names = [...([...document.querySelectorAll('dialog[open]')].at(-1) ?? document).querySelectorAll('button, summary')]
        .filter((element) => element.checkVisibility({ visibilityProperty: true }))
        .map((element) => element.getAttribute('aria-label') ?? element.textContent.trim())
      return names.filter((one, i) => names.indexOf(one) < i)
    })
    if (!drawnTwice.test(name)) assert.deepEqual(same, [], `buttons of the same name in ${name}`)
  }

  /** Goes to a state: within the page for some states where that has the language and the theme already, so that it need not be read and made for each. */
  async function go(page, state, look) {
    const path = `/__states/${state}?${new URLSearchParams(look)}`
    const fresh = page.look !== look || page.states >= 15 // states leave made-up pictures behind
    page.look = undefined // until it is there
    page.states = fresh ? 1 : page.states + 1
    if (fresh) await page.goto(server.url + path, { waitUntil: 'commit' })
    else {
      await page.evaluate((to) => {
        history.pushState(null, '', to)
        dispatchEvent(new PopStateEvent('popstate'))
      }, path)
    }
    await settle(page)
    await page.waitForSelector('#app :is(main, header)', { state: 'attached' })
    page.look = look
  }

  for (const [look, list] of views()) {
    for (const { state, sizes: inSizes, examine } of list) {
      const what = `${state}-${look.language}-${look.theme}`
      it(what, async (t) => {
        const page = pages.pop()
        t.after(() => pages.push(page))
        await page.setViewportSize(sizes[inSizes[0]])
        await go(page, state, look)
        for (const size of inSizes) {
          const name = `${what}-${size}`
          await page.setViewportSize(sizes[size])
          await settle(page)
          if (wish) await page.screenshot({ path: join(out, `${name}.png`) })
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
          assert.ok(wide <= 0, `${name} scrolls sideways by ${wide} px`)
          if (examine.includes(size)) await assertAccessible(page, name)
        }
        assert.deepEqual(page.wrong.splice(0), [])
      })
    }
  }
})
