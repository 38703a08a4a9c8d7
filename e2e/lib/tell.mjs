// When a test fails, what a stranger needs to find out why: what each page said last and shows, and the ends of the servers' logs.
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach } from 'node:test'
import { fileURLToPath } from 'node:url'

const out = join(dirname(fileURLToPath(import.meta.url)), '../out/failed')
const lines = { page: 15, server: 40 }
const pages = new Map()
const servers = new Set()

/** From now on a context's pages are told of. */
export function tellOfPages(context) {
  const follow = (page) => {
    const said = []
    const note = (text) => {
      said.push(`${new Date().toISOString().slice(11, 23)} ${text.slice(0, 400)}`)
      if (said.length > lines.page) said.shift()
    }
    pages.set(page, said)
    page.on('console', (message) => !message.text().startsWith('webrtc stats') && note(`${message.type()}: ${message.text()}`))
    page.on('pageerror', (error) => note(`error: ${error.stack ?? error.message}`))
    page.on('crash', () => note('the page crashed'))
    page.on('close', () => pages.delete(page))
  }
  context.pages().forEach(follow)
  context.on('page', follow)
}

/** From now on a server is told of, until the function that is given back is called. */
export function tellOfServer(server) {
  servers.add(server)
  return () => servers.delete(server)
}

const within = (promise, ms) => Promise.race([promise, new Promise((_, fail) => setTimeout(() => fail(new Error(`not within ${ms} ms`)), ms).unref())])

async function tell(name) {
  const text = [`what there was to see when "${name}" failed:`]
  mkdirSync(out, { recursive: true })
  for (const [i, [page, said]] of [...pages].entries()) {
    if (page.url() === 'about:blank') continue
    const path = join(out, `${name.replace(/\W+/g, '-').slice(0, 60)}-${i}.png`)
    const shown = await within(page.screenshot({ path, timeout: 5000 }), 6000).then(() => path, (error) => `no picture: ${error.message.split('\n')[0]}`)
    text.push(`page ${page.url().replace(/#.*/, '')} (${shown})`, ...said.map((line) => `    ${line}`))
  }
  for (const { url, log } of servers) text.push(`server ${url}`, ...log().trimEnd().split('\n').slice(-lines.server).map((line) => `    ${line}`))
  console.log(text.join('\n'))
}

let told = false

/** Gives what a promise gives. When it fails, in a test or before any, it is told what there is to see. */
export async function telling(name, promise) {
  try {
    return await promise
  } catch (error) {
    await tell(name)
    told = true
    throw error
  }
}

afterEach(async (t) => {
  if (t.passed === false && !told) await tell(t.name)
  told = false
})
