// The connectivity test against a real server: everything open, everything optional off, UDP blocked, no devices.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { complaints, openBrowser } from '../lib/browser.mjs'
import { patience } from '../lib/patience.mjs'
import { startTutti } from '../lib/tutti.mjs'

const ways = ['rtcUdp', 'rtcTcp', 'stun', 'turnUdp', 'turnTcp', 'turnTls']
const everything = { rtcTcp: true, turn: true }
// The server's certificate is its own.
const trusting = ['--ignore-certificate-errors']

// It waits for most of its time.
describe('the connectivity test', { timeout: 1_800_000, concurrency: 2 }, () => {
  const closing = []
  after(async () => {
    for (const close of closing.reverse()) await close()
  })
  async function serve(offers) {
    const tutti = await startTutti(['--dev'], offers)
    closing.push(() => tutti.close())
    return tutti
  }
  async function browse(wish) {
    const browser = await openBrowser(wish)
    closing.push(() => browser.close())
    return browser
  }

  /** Opens the page, keeps what it copies, and remembers every credential that the server gave it. */
  async function open(browser, tutti) {
    const page = await browser.page()
    const wrong = complaints(page)
    const secrets = []
    page.on('response', async (response) => {
      if (new URL(response.url()).pathname !== '/probe/ice') return
      for (const { username, credential } of (await response.json()).iceServers) secrets.push(...[username, credential].filter(Boolean))
    })
    await page.addInitScript(() => {
      localStorage.setItem('tutti.language', 'en')
      Object.defineProperty(navigator, 'clipboard', { configurable: true, value: { writeText: async (text) => void (window.copied = text) } })
    })
    await page.goto(`${tutti.url}/check`)
    return { page, wrong, secrets }
  }

  async function run({ page }, button = 'Start the test') {
    await page.getByRole('button', { name: button }).click()
    await page.locator('[data-verdict]').waitFor({ timeout: patience })
    return outcome(page)
  }

  async function outcome(page) {
    const steps = Object.fromEntries(
      await page.locator('[data-step]').evaluateAll((rows) => rows.map((row) => [row.dataset.step, { state: row.dataset.state, trouble: row.dataset.trouble, text: row.textContent }])),
    )
    return { steps, verdict: await page.locator('[data-verdict]').getAttribute('data-verdict') }
  }

  const states = (steps, ids = Object.keys(steps)) => Object.fromEntries(ids.map((id) => [id, steps[id].state]))
  const all = (ids, state) => Object.fromEntries(ids.map((id) => [id, state]))

  describe('where everything is open', () => {
    let tutti, browser
    before(async () => {
      tutti = await serve(everything)
      browser = await browse({ args: trusting })
    })

    it('finds that calls go directly, and every way by itself', async () => {
      const opened = await open(browser, tutti)
      const { steps, verdict } = await run(opened)
      const ids = Object.keys(steps)
      // The machine that tests run on may be too busy for an even stream of packets, for an answer at once, or for many bytes.
      const bearing = ids.filter((id) => id !== 'quality' && !['far', 'thin', 'tooThin'].includes(steps[id].trouble))
      assert.ok(ways.every((id) => ['ok', 'warn'].includes(steps[id].state)), JSON.stringify(steps, null, 1))
      assert.deepEqual(states(steps, bearing), all(bearing, 'ok'), JSON.stringify(steps, null, 1))
      assert.equal(verdict, 'direct')
      for (const id of ['http', 'websocket', 'rtcUdp', 'rtcTcp', 'turnUdp', 'turnTcp', 'turnTls', 'quality']) assert.match(steps[id].text, /\d ms/, id)
      assert.match(steps.quality.text, /% lost/)
      for (const id of ['down', 'up']) assert.match(steps[id].text, /[MG]bit\/s/, id)
      assert.match(steps.camera.text, /\d+×\d+/)

      await it('gives a report without anything secret', async () => {
        const { page, secrets } = opened
        assert.ok(secrets.length >= 2, 'the page was given credentials')
        await page.getByRole('button', { name: 'Copy as text' }).click()
        const text = await page.waitForFunction(() => window.copied).then((h) => h.jsonValue())
        assert.match(text, /Calls will work, directly/)
        await page.evaluate(() => (window.copied = ''))
        await page.getByRole('button', { name: 'Copy as JSON' }).click()
        const json = await page.waitForFunction(() => window.copied).then((h) => h.jsonValue())
        assert.equal(JSON.parse(json).verdict, 'direct')
        for (const secret of secrets) for (const report of [text, json]) assert.ok(!report.includes(secret), 'a credential is in the report')
        assert.doesNotMatch(text + json, /credential|username|turns?:/i)
      })

      assert.deepEqual(opened.wrong, [])
      await opened.page.close()
    })

    it('stops when told, and can run again', async () => {
      const opened = await open(browser, tutti)
      const { page } = opened
      await page.getByRole('button', { name: 'Start the test' }).click()
      await page.locator('[data-step="http"][data-state="ok"]').waitFor()
      await page.getByRole('button', { name: 'Stop' }).click()
      await page.locator('[data-verdict="incomplete"]').waitFor()
      assert.equal(await page.locator('[data-state="running"], [data-state="waiting"]').count(), 0)
      await page.getByLabel('Test camera and microphone too').uncheck()
      const { steps, verdict } = await run(opened, 'Test again')
      assert.deepEqual(states(steps, ['camera', 'microphone']), all(['camera', 'microphone'], 'skipped'))
      assert.equal(verdict, 'direct')
      await page.close()
    })

    it('tells of missing devices and still tests the rest', async () => {
      const opened = await open(await browse({ devices: false, args: trusting }), tutti)
      const { steps, verdict } = await run(opened)
      for (const id of ['camera', 'microphone']) {
        assert.equal(steps[id].state, 'fail', id)
        assert.ok(['missing', 'denied'].includes(steps[id].trouble), steps[id].trouble)
      }
      assert.equal(verdict, 'direct')
      await opened.page.getByText('Others will not see you').first().waitFor()
      assert.deepEqual(opened.wrong, [])
    })
  })

  it('does not blame the network for what the server does not offer', async () => {
    const opened = await open(await browse(), await serve({}))
    const { steps, verdict } = await run(opened)
    const off = ['rtcTcp', 'stun', 'turnUdp', 'turnTcp', 'turnTls']
    assert.deepEqual(states(steps, off), all(off, 'notOffered'))
    assert.equal(steps.rtcUdp.state, 'ok')
    assert.equal(verdict, 'directUntested')
    assert.deepEqual(opened.wrong, [])
  })

  it('says that UDP is blocked, and that TCP works', async () => {
    // The browser's own policy for networks that allow no UDP: it sends none at all.
    const browser = await browse({ args: [...trusting, '--webrtc-ip-handling-policy=disable_non_proxied_udp'] })
    const opened = await open(browser, await serve(everything))
    const { steps, verdict } = await run(opened)
    assert.deepEqual(states(steps, ways), { rtcUdp: 'fail', stun: 'fail', turnUdp: 'fail', rtcTcp: 'ok', turnTcp: 'ok', turnTls: 'ok' })
    assert.equal(steps.quality.trouble, 'needsUdp')
    assert.equal(verdict, 'serverTcp')
    await opened.page.getByText('because UDP does not get through').first().waitFor()
    assert.deepEqual(opened.wrong, [])
  })

  it('does not give up a TLS relay that it cannot trust for the network', async () => {
    const opened = await open(await browse(), await serve(everything))
    const { steps, verdict } = await run(opened)
    assert.deepEqual([steps.turnTls.state, steps.turnTls.trouble], ['fail', 'relayTls'])
    assert.equal(verdict, 'direct')
  })

  it('tells a server that is gone', async () => {
    const browser = await browse()
    const tutti = await serve({})
    const opened = await open(browser, tutti)
    await opened.page.route('**/probe/**', (route) => route.abort())
    const { steps, verdict } = await run(opened)
    assert.deepEqual([steps.http.state, steps.http.trouble], ['fail', 'unreachable'])
    assert.equal(verdict, 'offline')

    // Without a clipboard (an address that is not secure) the report is copied with its lines all the same.
    await opened.page.evaluate(() => {
      Object.defineProperty(navigator, 'clipboard', { value: undefined })
      document.addEventListener('copy', () => (window.copied = getSelection().toString() || document.activeElement.value))
    })
    await opened.page.getByRole('button', { name: 'Copy as text' }).click()
    const text = await opened.page.waitForFunction(() => window.copied).then((h) => h.jsonValue())
    assert.ok(text.split('\n').length > 15, text)
  })
})
