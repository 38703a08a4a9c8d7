// A server with a list of words that are not said: whose name it does not take is told so, and comes in with another.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { openWindows } from '../lib/browser.mjs'
import { eventually } from '../lib/people.mjs'
import { startTutti } from '../lib/tutti.mjs'

const refused = { en: 'That name cannot be used here. Choose another one.', zh: '这个名字在这里不能用，换一个吧。' }

describe('names that are not said', { timeout: 600_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-e2e-words-'))
  let tutti, browser, page

  before(async () => {
    writeFileSync(join(folder, 'words'), 'heck\n!forbidden\n')
    tutti = await startTutti(['--dev', '--chat-words', join(folder, 'words')])
    browser = await openWindows()
  })
  afterEach(() => page?.close())
  after(async () => {
    await browser?.close()
    await tutti?.close()
    rmSync(folder, { recursive: true })
  })

  async function make(room) {
    const answer = await fetch(`${tutti.url}/api/rooms`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ access: 'open', ...room }) })
    assert.equal(answer.status, 201)
    return answer.json()
  }

  /** Opens an address as somebody who has been called `name` on this server's pages. */
  async function open(path, language, name = '') {
    page = await browser.page()
    await page.goto(`${tutti.url}/healthz`)
    await page.evaluate(([lang, who]) => {
      localStorage.setItem('tutti.language', lang)
      if (who) localStorage.setItem('tutti.name', who)
    }, [language, name])
    await page.goto(tutti.url + path)
  }

  const nameField = () => page.getByLabel(/^(Your name|你的名字)$/)

  it('before a room, in both languages', async () => {
    await make({ name: 'hall' })
    for (const [language, button] of [['en', 'Join'], ['zh', '加入']]) {
      await open('/r/hall', language)
      await nameField().fill('A heck of a man')
      await page.getByRole('button', { name: button, exact: true }).click()
      await page.getByText(refused[language]).waitFor()
      await nameField().fill('Ann')
      assert.equal(await page.getByText(refused[language]).count(), 0)
      await page.getByRole('button', { name: button, exact: true }).click()
      await page.waitForSelector('.room[data-phase=connected]')
      await page.close()
    }
  })

  it('watching a show', async () => {
    await make({ name: 'stage', scene: 'show' })
    await open('/w/stage', 'en', 'Forbidden')
    await page.getByText(refused.en).first().waitFor()
    const chat = page.getByLabel('Say something…')
    await chat.fill('hello')
    await chat.press('Enter')
    await nameField().fill('Heck')
    await page.getByRole('button', { name: 'Continue' }).click()
    await eventually('told again', async () => (await page.evaluate(() => localStorage.getItem('tutti.name'))) === null)
    await chat.press('Enter')
    await nameField().fill('Ann')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('hello').first().waitFor()
  })

  it('before a call', async () => {
    await make({ name: 'talk' })
    await open('/c/talk', 'en', 'Forbidden')
    await page.getByText(refused.en).waitFor()
    await nameField().fill('Heck')
    await page.getByRole('button', { name: 'Start the call' }).click()
    await page.getByText(refused.en).waitFor()
    await nameField().fill('Ann')
    await page.getByRole('button', { name: 'Start the call' }).click()
    await page.waitForSelector('.call')
  })
})
