// Debian's Chromium through playwright-core, with made-up camera and microphone.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { patience } from './patience.mjs'
import { tellOfPages } from './tell.mjs'

export const executablePath = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)

const flags = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-renderer-backgrounding', '--disable-backgrounding-occluded-windows',
  '--disable-background-timer-throttling', '--autoplay-policy=no-user-gesture-required',
]
// Ten pictures a second, of which it is seen as well that they go on: tests share a machine with many.
const madeUpDevices = ['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream=display-media-type=browser,fps=10']

/**
 * Opens a browser of its own. `devices: false` leaves camera and microphone out. Give `close` to the test's cleanup.
 * @param {{devices?: boolean, viewport?: {width: number, height: number}, args?: string[], options?: object}} [wish]
 */
export async function openBrowser({ devices = true, viewport = { width: 1280, height: 800 }, args = [], options = {} } = {}) {
  if (!executablePath) throw new Error('Chromium is missing: install the package "chromium", or name one in $CHROMIUM')
  const profile = mkdtempSync(join(tmpdir(), 'tutti-e2e-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    ignoreDefaultArgs: ['--headless', '--mute-audio'],
    args: [...flags, ...(devices ? madeUpDevices : []), ...args],
    viewport,
    locale: 'en-GB',
    ...options,
  })
  context.setDefaultTimeout(patience)
  tellOfPages(context)
  return {
    context,
    page: () => context.newPage(),
    async close() {
      await context.close()
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/**
 * Opens one browser with several people in it who know nothing of each other: what one page remembers, the others do not. Cheaper than a
 * browser each. A wish for each person: its viewport, and whether it is a phone.
 * @param {{viewport?: {width: number, height: number}, phone?: boolean}[]} wishes
 */
export async function openPeople(wishes, { args = [] } = {}) {
  const browser = await launch(args)
  const people = []
  for (const wish of wishes) {
    const context = await strangers(browser, wish)
    people.push({ context, page: () => context.newPage() })
  }
  return { people, close: () => browser.close() }
}

/** Opens one browser each of whose pages is a stranger to the others, in a window of its own: a tab behind another shows one picture a second. */
export async function openWindows({ args = [] } = {}) {
  const browser = await launch(args)
  return {
    async page() {
      const context = await strangers(browser)
      const page = await context.newPage()
      page.once('close', () => void context.close().catch(() => {}))
      return page
    },
    close: () => browser.close(),
  }
}

function launch(args) {
  if (!executablePath) throw new Error('Chromium is missing: install the package "chromium", or name one in $CHROMIUM')
  return chromium.launch({ executablePath, ignoreDefaultArgs: ['--headless', '--mute-audio'], args: [...flags, ...madeUpDevices, ...args] })
}

async function strangers(browser, { viewport = { width: 1280, height: 800 }, phone = false } = {}) {
  const context = await browser.newContext({ viewport, locale: 'en-GB', ...(phone ? { hasTouch: true, isMobile: true } : {}) })
  context.setDefaultTimeout(patience)
  tellOfPages(context)
  return context
}

/** Collects what a page complains about, for assertions at the end. */
export function complaints(page) {
  const list = []
  page.on('pageerror', (error) => {
    // Firefox runs init scripts on the empty page too, which has neither devices nor storage.
    if (page.url() !== 'about:blank') list.push(`error: ${error.stack ?? error.message}`)
  })
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) list.push(message.text())
  })
  return list
}
