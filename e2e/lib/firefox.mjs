// Debian's Firefox through puppeteer-core (WebDriver BiDi), with made-up camera and microphone.
import { existsSync } from 'node:fs'
import puppeteer from 'puppeteer-core'

const executablePath = process.env.FIREFOX ?? ['/usr/bin/firefox-esr', '/usr/bin/firefox'].find(existsSync)

const preferences = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.autoplay.default': 0,
  'intl.accept_languages': 'en-GB',
}

/** Opens a browser of its own. Give `close` to the test's cleanup. */
export async function openFirefox() {
  if (!executablePath) throw new Error('Firefox is missing: install the package "firefox-esr", or name one in $FIREFOX')
  const browser = await puppeteer.launch({ browser: 'firefox', executablePath, headless: true, extraPrefsFirefox: preferences })
  return {
    page: async () => {
      const page = await browser.newPage()
      await page.setViewport({ width: 1280, height: 800 })
      return page
    },
    close: () => browser.close(),
  }
}
