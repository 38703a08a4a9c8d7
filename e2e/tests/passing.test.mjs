// What comes and goes by itself on a page: it covers nothing that people use, and moves nothing that they read.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../lib/browser.mjs'
import { buildStates } from '../lib/states.mjs'
import { serveStatic } from '../lib/static.mjs'

const sizes = { phone: { width: 360, height: 780 }, landscape: { width: 844, height: 390 }, desktop: { width: 1440, height: 900 } }

describe('what comes and goes', { timeout: 1_800_000 }, () => {
  let server, browser, page
  const at = async (state, size) => {
    await page.setViewportSize(sizes[size])
    await page.goto(`${server.url}/__states/${state}`)
  }
  const box = (locator) => locator.evaluate((element) => element.getBoundingClientRect().toJSON())

  before(async () => {
    server = await serveStatic(buildStates())
    browser = await openBrowser({ devices: false })
    page = await browser.page()
    await page.addInitScript(() => localStorage.setItem('tutti.language', 'en'))
  })
  after(async () => {
    await browser?.close()
    await server?.close()
  })

  for (const size of Object.keys(sizes)) {
    it(`leaves the board’s tools free: ${size}`, async () => {
      await at('class', size)
      const tools = await page.locator('.bars button').evaluateAll((list) => list.map((element) => element.getBoundingClientRect().toJSON()))
      await page.locator('footer').getByRole('button', { name: /^(Tools|More)/ }).first().click()
      await page.getByRole('menuitem', { name: 'Mute everyone' }).click()
      const said = await box(page.locator('.toasts p'))
      const under = tools.filter((one) => one.left < said.right && said.left < one.right && one.top < said.bottom && said.top < one.bottom)
      assert.deepEqual(under, [])
      assert.ok(said.top >= 0 && said.left >= 0 && said.right <= sizes[size].width, JSON.stringify(said))
    })
  }

  it('stands in the middle of its place', async () => {
    await at('show-viewer-on', 'phone')
    const mark = page.getByRole('img', { name: 'This is being recorded.' })
    const [pill, dot] = [await box(page.locator('.pill', { has: mark })), await box(mark.locator('.dot'))]
    assert.ok(Math.abs(pill.left + pill.right - dot.left - dot.right) < 2, JSON.stringify({ pill, dot }))
  })

  it('leaves a show’s seats where they are', async () => {
    const seats = page.getByRole('complementary', { name: 'Seats' })
    await at('show-host', 'desktop')
    const before = await box(seats)
    await at('show-host-weak', 'desktop')
    await page.getByText('Your connection is weak').waitFor()
    assert.deepEqual(await box(seats), before)
  })
})
