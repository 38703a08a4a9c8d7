import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../lib/browser.mjs'
import { join, watch } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

describe('a show with an audience', { timeout: 200_000 }, () => {
  let tutti, browsers, room, host, viewer
  before(async () => {
    tutti = await startTutti()
    browsers = await Promise.all([openBrowser(), openBrowser()])
    room = await tutti.createRoom({ title: 'Night show', scene: 'show' })
    host = await join(browsers[0], `${tutti.url}/r/${room.room}#k=${room.keys.host}`, 'Ada', { colour: colours.red, tone: 440 })
    viewer = await watch(browsers[1], `${tutti.url}/w/${room.room}`)
  })
  after(async () => {
    await Promise.all((browsers ?? []).map((browser) => browser.close()))
    await tutti?.close()
  })

  it('carries what a viewer says to the host, once they gave a name', async () => {
    const box = viewer.page.getByRole('textbox', { name: 'Say something…' })
    await box.fill('hello')
    await viewer.page.keyboard.press('Enter')
    await viewer.page.getByRole('textbox', { name: 'Your name' }).fill('Mei')
    await viewer.page.getByRole('button', { name: 'Continue' }).click()
    await viewer.page.locator('[data-message]', { hasText: 'hello' }).waitFor()
    await host.control('Chat, 1 new message').click()
    await host.page.locator('[data-message]', { hasText: 'hello' }).waitFor()
  })

  it('lets a viewer up who raised a hand, and down again', async () => {
    await viewer.page.getByRole('button', { name: 'Raise hand' }).click()
    await host.page.getByRole('button', { name: 'Let up: Mei' }).click()
    await viewer.page.locator('.page[data-seat=on]').waitFor()
    await host.tile('Mei').waitFor()
    await viewer.page.getByRole('button', { name: 'Step down' }).click()
    await viewer.page.locator('.page[data-seat=""]').waitFor()
    await host.tile('Mei').waitFor({ state: 'detached' })
    assert.deepEqual(viewer.page.complaints, [])
  })
})
