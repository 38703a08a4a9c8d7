// Files between two browsers over a data channel: whole, interrupted, refused, with names that mean harm, over a reload.
import assert from 'node:assert/strict'
import { createHash, randomFillSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { complaints, openBrowser } from '../lib/browser.mjs'
import { eventually } from '../lib/people.mjs'
import { buildStates } from '../lib/states.mjs'
import { serveStatic } from '../lib/static.mjs'

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
const patience = 120_000

describe('files between two', { timeout: 1_800_000 }, () => {
  let server
  let browsers
  let ada
  let bo
  let wrong
  const directory = mkdtempSync(join(tmpdir(), 'tutti-files-'))

  /** Random bytes in a file on the disk. */
  function make(name, size) {
    const bytes = randomFillSync(Buffer.alloc(size))
    const path = join(directory, name)
    writeFileSync(path, bytes)
    return { path, name, size, hash: sha256(bytes) }
  }

  const row = (page, name) => page.locator('.files li', { hasText: name }).first()
  const phase = (page, name) => row(page, name).getAttribute('data-phase')
  async function choose(page, paths) {
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.getByRole('button', { name: 'Choose files' }).click()])
    await chooser.setFiles(paths)
  }
  const reached = (page, name, wish) =>
    eventually(`${name} is ${wish}`, async () => {
      const now = await phase(page, name)
      if (now === 'failed' && wish !== 'failed') throw new Error(await row(page, name).innerText())
      return now === wish
    }, patience)
  const progress = (page) => page.evaluate(() => Math.max(0, ...window.live.transfers.unfinished.map((t) => t.moved)))

  async function connect() {
    const offer = await ada.evaluate(() => window.live.offer())
    const answer = await bo.evaluate((o) => window.live.answer(o), offer)
    await ada.evaluate((a) => window.live.take(a), answer)
  }

  async function save(page, name) {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      row(page, name).getByRole('button', { name: 'Save' }).click(),
    ])
    return { as: download.suggestedFilename(), bytes: readFileSync(await download.path()) }
  }

  async function clear() {
    for (const page of [ada, bo]) {
      await page.evaluate(() => {
        const { transfers } = window.live
        for (const one of [...transfers.list]) {
          transfers.cancel(one)
          transfers.remove(one)
        }
      })
    }
  }

  before(async () => {
    server = await serveStatic(buildStates())
    browsers = await Promise.all([0, 1].map(() => openBrowser({ devices: false, options: { acceptDownloads: true } })))
    ;[ada, bo] = await Promise.all(browsers.map((browser) => browser.page()))
    wrong = [complaints(ada), complaints(bo)]
    for (const page of [ada, bo]) {
      await page.addInitScript(() => localStorage.setItem('tutti.language', 'en'))
      await page.goto(`${server.url}/__states/files-live`)
      await page.waitForFunction(() => window.live)
    }
    await connect()
  })
  after(async () => {
    await Promise.all((browsers ?? []).map((browser) => browser.close()))
    await server?.close()
    rmSync(directory, { recursive: true, force: true })
    assert.deepEqual(wrong, [[], []])
  })

  it('50 MB arrive whole, and the page stays smooth meanwhile', async () => {
    const big = make('fifty.bin', 50_000_000)
    // The longest time in which the receiver's page did not get to run.
    await bo.evaluate(() => {
      let last = performance.now()
      window.longest = 0
      window.ticking = setInterval(() => {
        const now = performance.now()
        window.longest = Math.max(window.longest, now - last)
        last = now
      }, 10)
    })
    await choose(ada, big.path)
    await row(bo, big.name).getByRole('button', { name: 'Accept' }).click()
    const began = Date.now()
    await eventually('a bar shows how much is there', async () => (await bo.getByRole('progressbar').count()) > 0 || (await phase(bo, big.name)) === 'done')
    await reached(bo, big.name, 'done')
    await reached(ada, big.name, 'done')
    const seconds = (Date.now() - began) / 1000
    const longest = await bo.evaluate(() => {
      clearInterval(window.ticking)
      return Math.round(window.longest)
    })
    console.log(`50 MB in ${seconds.toFixed(1)} s; the page waited at most ${longest} ms`)
    const saved = await save(bo, big.name)
    assert.equal(saved.as, big.name)
    assert.equal(sha256(saved.bytes), big.hash)
    assert.match(await row(bo, big.name).innerText(), /Saved to your downloads/)
    await clear()
  })

  it('a broken connection interrupts, and it goes on where it was', async () => {
    const big = make('interrupted.bin', 40_000_000)
    let sent = -(await ada.evaluate(() => window.live.sent()))
    await choose(ada, big.path)
    await row(bo, big.name).getByRole('button', { name: 'Accept' }).click()
    for (const [part, side] of [[0.3, bo], [0.6, ada]]) {
      await eventually(`${part} of it is there`, async () => (await progress(bo)) > part * big.size, patience)
      sent += await ada.evaluate(() => window.live.sent())
      await side.evaluate(() => window.live.cut())
      // Whoever did not cut notices sooner or later; the new connection does not wait for that.
      await eventually('the side that knows says so', async () => /Paused/.test(await row(side, big.name).innerText()))
      assert.ok((await progress(bo)) < big.size, 'it was interrupted in the middle')
      await connect()
    }
    await reached(ada, big.name, 'done')
    sent += await ada.evaluate(() => window.live.sent())
    assert.ok(sent < big.size * 1.3, `${sent} bytes went over for a file of ${big.size}`)
    const saved = await save(bo, big.name)
    assert.equal(sha256(saved.bytes), big.hash)
    await clear()
  })

  it('the receiver’s page loaded anew goes on from what is on the disk', async () => {
    const big = make('reloaded.bin', 40_000_000)
    const others = await ada.evaluate(() => window.live.sent())
    await choose(ada, big.path)
    await row(bo, big.name).getByRole('button', { name: 'Accept' }).click()
    await eventually('half of it is there', async () => (await progress(bo)) > 0.4 * big.size, patience)
    const before = await ada.evaluate(() => window.live.sent())
    await bo.reload()
    await bo.waitForFunction(() => window.live)
    await connect()
    await reached(ada, big.name, 'done')
    const sent = before - others + (await ada.evaluate(() => window.live.sent()))
    assert.ok(sent < big.size * 1.3, `${sent} bytes went over for a file of ${big.size}`)
    const saved = await save(bo, big.name)
    assert.equal(sha256(saved.bytes), big.hash)
    await clear()
  })

  it('the sender’s page loaded anew ends it with a sentence', async () => {
    const big = make('lost.bin', 40_000_000)
    await choose(ada, big.path)
    await row(bo, big.name).getByRole('button', { name: 'Accept' }).click()
    await eventually('some of it is there', async () => (await progress(bo)) > 0.1 * big.size, patience)
    await ada.reload()
    await ada.waitForFunction(() => window.live)
    await connect()
    await reached(bo, big.name, 'failed')
    assert.match(await row(bo, big.name).innerText(), /page was closed or reloaded/)
    await clear()
  })

  it('can be refused, and cancelled', async () => {
    const small = make('unwanted.bin', 1000)
    await choose(ada, small.path)
    await row(bo, small.name).getByRole('button', { name: 'Refuse' }).click()
    await reached(ada, small.name, 'refused')
    const big = make('regretted.bin', 40_000_000)
    await choose(ada, big.path)
    await row(bo, big.name).getByRole('button', { name: 'Accept' }).click()
    await row(ada, big.name).getByRole('button', { name: 'Cancel regretted.bin' }).click()
    await reached(bo, big.name, 'cancelled')
    assert.match(await row(bo, big.name).innerText(), /Other cancelled it/)
    await clear()
  })

  it('a name that means harm is text, and saved under a safe one', async () => {
    const names = [['../../etc/passwd', '../../etc/passwd', 'passwd'], ['holiday\u202egpj.<b>exe', 'holidaygpj.<b>exe', 'holidaygpj._b_exe']]
    for (const [name, shown, safe] of names) {
      // A browser's own chooser gives no such name; a program that speaks the protocol may.
      await ada.evaluate((n) => {
        const file = new File(['root'], 'x')
        Object.defineProperty(file, 'name', { value: n })
        window.live.transfers.offer('other', file)
      }, name)
      const line = row(bo, shown)
      await line.getByRole('button', { name: 'Accept' }).click()
      await reached(bo, shown, 'done')
      assert.equal(await line.locator('.name').innerText(), shown)
      assert.equal(await line.locator('b').count(), 0)
      const saved = await save(bo, shown)
      assert.equal(saved.as, safe)
      assert.equal(saved.bytes.toString(), 'root')
    }
    await clear()
  })

  it('many at once, accepted with one button', async () => {
    const many = Array.from({ length: 6 }, (_, i) => make(`photo-${i}.jpg`, 300_000 + i))
    await choose(ada, many.map(({ path }) => path))
    await bo.getByRole('button', { name: 'Accept all 6' }).click()
    for (const one of many) await reached(ada, one.name, 'done')
    assert.equal(sha256((await save(bo, 'photo-3.jpg')).bytes), many[3].hash)
    await clear()
  })

  it('nothing is left on the disk by pages that have gone', async () => {
    const kept = () => bo.evaluate(async () => {
      const list = []
      try {
        const all = await (await navigator.storage.getDirectory()).getDirectoryHandle('tutti-files')
        for await (const page of all.values()) for await (const file of page.keys()) list.push(file)
      } catch {
        // There is none.
      }
      return list
    })
    const small = make('left.bin', 1000)
    await choose(ada, small.path)
    await row(bo, small.name).getByRole('button', { name: 'Accept' }).click()
    await reached(bo, small.name, 'done')
    assert.equal((await kept()).length, 1)
    await bo.close()
    bo = await browsers[1].page()
    await bo.goto(`${server.url}/__states/files-live`)
    await eventually('the disk is clean', async () => (await kept()).length === 0)
  })
})
