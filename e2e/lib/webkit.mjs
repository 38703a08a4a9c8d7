// Debian's WebKitGTK through WebDriver (W3C), on a screen of its own: the engine of iPhones and Safari, as near as a Linux machine comes to them.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { patience } from './patience.mjs'
import { freePort } from './tutti.mjs'

const programs = ['/usr/bin/WebKitWebDriver', '/usr/bin/Xvfb', ...['4.1', '4.0'].map((v) => `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/webkit2gtk-${v}/MiniBrowser`)]
const [driver, screen, ...browsers] = programs.map((file) => (existsSync(file) ? file : undefined))
const browser = browsers.find((file) => file)

/** What is missing, in words, where WebKit cannot be driven here; else empty. */
export const webkitMissing = driver && screen && browser ? '' : 'WebKitGTK is not here: the packages webkit2gtk-driver and xvfb bring it'

/** Opens a browser with one page. Give `close` to the test's cleanup. */
export async function openWebkit() {
  const port = await freePort()
  const running = []
  const run = (program, args, options) => {
    const child = spawn(program, args, { stdio: 'ignore', ...options })
    process.once('exit', () => child.kill('SIGKILL'))
    running.push(child)
    return child
  }
  // The screen says its number when it is there.
  const display = await new Promise((resolve, reject) => {
    const child = run(screen, ['-displayfd', '3', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`Xvfb ended with ${code}`)))
    child.stdio[3].once('data', (number) => resolve(`:${String(number).trim()}`))
  })
  run(driver, [`--port=${port}`, '--host=127.0.0.1'], {
    // There is neither a graphics card here nor, in containers, what its sandbox needs.
    env: { ...process.env, DISPLAY: display, LIBGL_ALWAYS_SOFTWARE: '1', WEBKIT_DISABLE_COMPOSITING_MODE: '1', WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1' },
  })
  const call = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: body && JSON.stringify(body) })
    const { value } = await response.json()
    if (value?.error) throw new Error(`WebDriver: ${value.error}: ${value.message}`)
    return value
  }
  for (const end = Date.now() + patience; ; ) {
    try {
      await call('GET', '/status')
      break
    } catch (error) {
      if (Date.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  const options = { 'webkitgtk:browserOptions': { binary: browser, args: ['--automation'] } }
  const { sessionId, capabilities } = await call('POST', '/session', { capabilities: { alwaysMatch: options } })
  return {
    version: capabilities.browserVersion,
    goto: (url) => call('POST', `/session/${sessionId}/url`, { url }),
    /** Runs a function in the page, which needs nothing from outside of it. */
    evaluate: (script, ...args) => call('POST', `/session/${sessionId}/execute/sync`, { script: `return (${script})(...arguments)`, args }),
    async close() {
      await call('DELETE', `/session/${sessionId}`).catch(() => {}) // it may be gone
      for (const child of running.reverse()) child.kill()
    },
  }
}
