// Debian's Firefox through playwright-core (WebDriver BiDi), with made-up camera and microphone.
import { existsSync } from 'node:fs'
import { firefox } from 'playwright-core'
import { patience } from './patience.mjs'
import { tellOfPages } from './tell.mjs'

const executablePath = process.env.FIREFOX ?? ['/usr/bin/firefox-esr', '/usr/bin/firefox'].find(existsSync)

const preferences = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.autoplay.default': 0,
  // A made-up sound card: without any an AudioContext stands still.
  'media.cubeb.force_mock_context': true,
  // Nothing is fetched by the browser itself.
  'app.normandy.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
}

/** Opens a browser of its own. Give `close` to the test's cleanup. */
export async function openFirefox({ viewport = { width: 1280, height: 800 } } = {}) {
  if (!executablePath) throw new Error('Firefox is missing: install the package "firefox-esr", or name one in $FIREFOX')
  const browser = await firefox.launch({ channel: 'moz-firefox', executablePath, firefoxUserPrefs: preferences })
  leaveMediaFeatures(browser)
  const context = await browser.newContext({ viewport, locale: 'en-GB' })
  context.setDefaultTimeout(patience)
  tellOfPages(context)
  return { context, page: () => context.newPage(), close: () => browser.close() }
}

/** Playwright sets colour scheme and the like of every page, by a command that released Firefoxes do not know. */
function leaveMediaFeatures(browser) {
  const session = browser._connection.toImpl(browser)._browserSession
  const sessions = Object.getPrototypeOf(session)
  if (sessions.leavesMediaFeatures) return
  const { send } = sessions
  sessions.leavesMediaFeatures = true
  sessions.send = function (method, ...rest) {
    return method === 'emulation.setMediaFeaturesOverride' ? Promise.resolve({}) : send.call(this, method, ...rest)
  }
}
