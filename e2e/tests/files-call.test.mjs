// Files in a real call: over the direct way, over the server's, while the call moves from one to the other, and when it breaks.
import assert from 'node:assert/strict'
import { createHash, randomFillSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../lib/browser.mjs'
import { answer, call, eventually, plainAddresses } from '../lib/callers.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
/** Nothing here is a matter of speed: a busy machine may take its time. */
const patience = 300_000
/** What a receiver lets be under way, in bytes (web/src/files/incoming.ts), and as much again for what lies in queues. */
const underWay = 2 * (4 << 20)

/** Small pictures, which leave the machine to the files. */
const small = { width: 160, height: 90 }
const signals = {
  ada: { ...small, colour: colours.red, tone: 440 }, bo: { ...small, colour: colours.green, tone: 660 }, cy: { ...small, colour: colours.blue, tone: 880 },
}

/**
 * Counts what a page sends over data channels, of all connections together, in `bytesSent`; `pace(bytes a second)` makes the way as slow
 * as a bad network: channels then say that much of what was sent before still waits.
 */
function paceChannels() {
  const channel = RTCDataChannel.prototype
  const { send } = channel
  const waiting = Object.getOwnPropertyDescriptor(channel, 'bufferedAmount').get
  const all = new Set()
  let perSecond = Infinity
  let budget = 0
  window.bytesSent = 0
  channel.send = function (data) {
    const bytes = data.byteLength ?? data.length
    window.bytesSent += bytes
    budget -= bytes
    return send.call(this, data)
  }
  Object.defineProperty(channel, 'bufferedAmount', {
    get() {
      all.add(this)
      return waiting.call(this) + (budget > 0 || perSecond === Infinity ? 0 : 16 << 20)
    },
  })
  const drain = () => {
    for (const one of all) {
      if (one.readyState === 'closed') all.delete(one)
      else if (one.bufferedAmount <= one.bufferedAmountLowThreshold) one.dispatchEvent(new Event('bufferedamountlow'))
    }
  }
  setInterval(() => {
    if (perSecond === Infinity) return
    budget = Math.min(budget + perSecond / 10, perSecond / 10)
    drain()
  }, 100)
  window.pace = (bytes) => {
    perSecond = bytes
    budget = 0
    drain()
  }
}

describe('files in a call', { timeout: 1_800_000 }, () => {
  let tutti, browsers, ada, bo, cy, link
  const directory = mkdtempSync(join(tmpdir(), 'tutti-files-'))
  // Each step goes on from where the one before left off.
  let failed = false
  const step = (name, run) =>
    it(name, async (t) => {
      if (failed) return t.skip('an earlier step failed')
      failed = true
      await run(t)
      failed = false
    })

  function make(name, size) {
    const bytes = randomFillSync(Buffer.alloc(size))
    const path = join(directory, name)
    writeFileSync(path, bytes)
    return { path, name, size, hash: sha256(bytes) }
  }

  const row = (who, name) => who.page.locator('.files li', { hasText: name }).first()
  const phase = (who, name) => row(who, name).getAttribute('data-phase')

  async function files(who) {
    if ((await who.page.locator('.files').count()) === 0) await who.control(/^Files/).first().click()
  }

  /** `to` is the name of one of several; without it all others. */
  async function choose(who, path, to) {
    await files(who)
    if (to) await who.page.getByRole('combobox', { name: 'To' }).selectOption({ label: to })
    const [chooser] = await Promise.all([who.page.waitForEvent('filechooser'), who.control('Choose files').click()])
    await chooser.setFiles(path)
  }

  async function accept(who, name) {
    await files(who)
    await row(who, name).getByRole('button', { name: 'Accept' }).click()
  }

  const reached = (who, name, wish) =>
    eventually(`${name} is ${wish}`, async () => {
      const now = await phase(who, name)
      if (now === 'failed' && wish !== 'failed') throw new Error(await row(who, name).innerText())
      return now === wish
    }, patience)

  /** Waits until more than a share of a file is there that is still on its way, in percent. */
  async function onItsWay(who, name, more) {
    const there = await who.page.waitForFunction(
      ([wanted, least]) => {
        const line = [...document.querySelectorAll('.files li')].find((li) => li.textContent.includes(wanted))
        const now = Number(line?.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow') ?? 0)
        const at = line?.dataset.phase
        return at === 'moving' && now <= least ? false : { at, now }
      },
      [name, more], { timeout: patience },
    )
    const { at, now } = await there.jsonValue()
    assert.equal(at, 'moving', `${name} is on its way`)
    return now
  }

  /** Says something while a file moves, and waits until others read it; tells whether the file was still on its way then. */
  async function chatDuring(from, to, name, text) {
    const began = Date.now()
    const arrivals = to.map((who) =>
      who.page.waitForFunction(
        (wanted) => {
          const told = document.querySelector('button[aria-label*="new message"]')
          const line = [...document.querySelectorAll('.files li')].find((li) => li.textContent.includes(wanted))
          return told && (line?.dataset.phase ?? 'none')
        },
        name, { timeout: patience },
      ),
    )
    await from.say(text)
    const phases = await Promise.all(arrivals.map(async (arrival) => (await arrival).jsonValue()))
    const took = Date.now() - began
    for (const who of to) {
      await who.control(/^Chat, \d+ new/).click()
      await who.page.getByText(text, { exact: true }).waitFor()
      await files(who)
    }
    await files(from)
    return { phases, took }
  }

  async function save(who, name) {
    await files(who)
    const [download] = await Promise.all([who.page.waitForEvent('download'), row(who, name).getByRole('button', { name: 'Save' }).click()])
    return sha256(readFileSync(await download.path()))
  }

  async function more(who, item) {
    await who.control('More').click()
    await who.page.getByRole('menuitem', { name: item }).click()
  }

  const sent = (who) => who.page.evaluate(() => window.bytesSent)
  const pace = (who, bytes) => who.page.evaluate((n) => window.pace(n ?? Infinity), bytes)
  const all = (path, ...who) => Promise.all(who.map((one) => one.onPath(path, patience)))

  before(async () => {
    tutti = await startTutti()
    browsers = await Promise.all([1, 2, 3].map(() => openBrowser({ args: plainAddresses, options: { acceptDownloads: true } })))
    for (const { context } of browsers) await context.addInitScript(paceChannels)
    const room = await tutti.createRoom({ title: 'Tea' })
    link = (key) => `${tutti.url}/c/${room.room}#k=${room.keys[key]}`
    ada = await call(browsers[0], link('host'), 'Ada', signals.ada)
    bo = await answer(browsers[1], link('guest'), 'Bo', signals.bo)
    for (const who of [ada, bo]) who.page.setDefaultTimeout(patience)
    await all('direct', ada, bo)
  })
  after(async () => {
    await Promise.all((browsers ?? []).map((browser) => browser.close()))
    await tutti?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  step('somebody with the panel closed is asked, 24 MB arrive whole, and chat gets through meanwhile', async (t) => {
    const big = make('large.bin', 24_000_000)
    await choose(ada, big.path)
    const card = bo.page.getByRole('region', { name: 'Incoming file' })
    await card.getByText('Ada wants to send you large.bin').waitFor()
    // Slowly at first, so that there is time to say something.
    await pace(ada, 2_000_000)
    const began = Date.now()
    await card.getByRole('button', { name: 'Accept' }).click()
    await files(bo)
    await onItsWay(bo, big.name, 0)
    const { phases, took } = await chatDuring(ada, [bo], big.name, 'Is it coming?')
    assert.deepEqual(phases, ['moving'])
    await pace(ada)
    await reached(bo, big.name, 'done')
    await reached(ada, big.name, 'done')
    t.diagnostic(`24 MB in ${((Date.now() - began) / 1000).toFixed(1)} s; chat meanwhile took ${took} ms`)
    assert.equal(await save(bo, big.name), big.hash)
  })

  step('a connection that breaks in the middle interrupts it, and it goes on where it was', async (t) => {
    const big = make('broken.bin', 24_000_000)
    await pace(ada, 4_000_000)
    const before = await sent(ada)
    await choose(ada, big.path)
    await accept(bo, big.name)
    await onItsWay(bo, big.name, 40)
    await pace(ada, 250_000) // so that it breaks before it is over
    // Bo's computer loses all that it had open.
    await bo.page.evaluate(() => {
      for (const peer of window.peers) peer.close()
      for (const socket of window.sockets) socket.close(4000, 'cut by the test')
    })
    const there = await onItsWay(bo, big.name, 39)
    assert.ok(there < 100, 'it was interrupted in the middle')
    await pace(ada)
    // The call finds another way by itself, and the file with it.
    await reached(ada, big.name, 'done')
    await reached(bo, big.name, 'done')
    const bytes = (await sent(ada)) - before
    t.diagnostic(`${there} % were there when it broke; ${bytes} bytes went over for ${big.size}`)
    assert.ok(bytes < big.size + underWay, `${bytes} bytes went over for a file of ${big.size}`)
    assert.equal(await save(bo, big.name), big.hash)
  })

  step('a file goes over the server, and chat gets through meanwhile', async (t) => {
    if ((await ada.path()) !== 'server') await more(ada, /^Use the server/)
    await all('server', ada, bo)
    const big = make('served.bin', 4_000_000)
    await pace(bo, 400_000)
    await choose(bo, big.path)
    await accept(ada, big.name)
    await onItsWay(ada, big.name, 0)
    const { phases, took } = await chatDuring(bo, [ada], big.name, 'Over the server')
    assert.deepEqual(phases, ['moving'])
    await pace(bo)
    await reached(bo, big.name, 'done')
    t.diagnostic(`chat took ${took} ms`)
    assert.equal(await save(ada, big.name), big.hash)
    await more(ada, /direct/)
    await all('direct', ada, bo)
  })

  step('a file goes on while the call moves to the server because of a third, and back', async (t) => {
    const big = make('moving.bin', 24_000_000)
    const before = await sent(ada)
    // At this pace it takes minutes: longer than what follows.
    await pace(ada, 120_000)
    await choose(ada, big.path)
    await accept(bo, big.name)
    await onItsWay(bo, big.name, 0)

    cy = await answer(browsers[2], link('guest'), 'Cy', signals.cy)
    cy.page.setDefaultTimeout(patience)
    await all('server', ada, bo, cy)
    const atServer = await onItsWay(bo, big.name, 0)
    const further = await onItsWay(bo, big.name, atServer + 1)

    // Nobody else waits for it.
    const other = make('other.bin', 1_500_000)
    await choose(bo, other.path, 'Cy')
    await accept(cy, other.name)
    await reached(bo, other.name, 'done')
    assert.equal(await save(cy, other.name), other.hash)
    const { phases, took } = await chatDuring(ada, [bo, cy], big.name, 'Three now')
    assert.equal(phases[0], 'moving')

    await cy.hangUp()
    await cy.page.getByRole('heading', { name: 'You have hung up' }).waitFor()
    const left = Date.now()
    await all('direct', ada, bo)
    const settled = ((Date.now() - left) / 1000).toFixed(1)
    const back = await onItsWay(bo, big.name, further)
    await pace(ada)
    await reached(ada, big.name, 'done')
    await reached(bo, big.name, 'done')
    const bytes = (await sent(ada)) - before
    t.diagnostic(`${atServer} % there on the server, ${back} % back on the direct way ${settled} s after the third had left; chat took ${took} ms; ${bytes} bytes went over`)
    assert.ok(bytes < big.size + 2 * underWay, `${bytes} bytes went over for a file of ${big.size}`)
    assert.equal(await save(bo, big.name), big.hash)
  })

  step('can be refused', async () => {
    const unwanted = make('unwanted.bin', 1000)
    await choose(ada, unwanted.path)
    await row(bo, unwanted.name).getByRole('button', { name: 'Refuse' }).click()
    await reached(ada, unwanted.name, 'refused')
    await reached(bo, unwanted.name, 'refused')
  })

  step('somebody who has a file that is not saved is asked before they go, and what they had on its way fails', async () => {
    const kept = make('kept.bin', 1000)
    await choose(ada, kept.path)
    await accept(bo, kept.name)
    await reached(bo, kept.name, 'done')
    const asked = bo.page.waitForEvent('dialog')
    await bo.page.close({ runBeforeUnload: true })
    const dialog = await asked
    assert.equal(dialog.type(), 'beforeunload')
    await dialog.dismiss()
    await bo.hangUp()
    const question = bo.page.getByRole('dialog', { name: 'A file you received is not saved' })
    await question.getByRole('button', { name: 'Cancel' }).click()
    assert.equal(await save(bo, kept.name), kept.hash)

    // What is merely offered to somebody keeps them no longer; what they offer does.
    const late = make('late.bin', 1000)
    await choose(bo, late.path)
    await row(ada, late.name).getByRole('button', { name: 'Accept' }).waitFor()
    await bo.hangUp()
    await bo.page.getByRole('dialog', { name: 'A file is still on its way' }).getByRole('button', { name: 'Hang up' }).click()
    await bo.page.getByRole('heading', { name: 'You have hung up' }).waitFor()
    await reached(ada, late.name, 'failed')
    await ada.page.getByRole('heading', { name: 'Bo left' }).waitFor()
  })

  step('complains about nothing', () => {
    for (const who of [ada, bo, cy]) assert.deepEqual(who.page.complaints, [], who.name)
  })
})
