// A show by keyboard alone: its host lets a viewer up, arranges the picture, writes and announces; the viewer raises a hand, goes up, writes and
// steps down. Nothing is clicked.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openPeople } from '../lib/browser.mjs'
import { focused, tabTo } from '../lib/keyboard.mjs'
import { eventually, join, watch } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

const signal = (colour, tone) => ({ colour: colours[colour], tone, width: 320, height: 180, rate: 8 })

describe('a show by keyboard', { timeout: 1_800_000 }, () => {
  let tutti, browser, room, ada, mei
  const api = async (method, path, body) => {
    const response = await fetch(`${tutti.url}/api/rooms/${room.room}${path}`, { method, headers: { 'X-Tutti-Key': room.keys.host }, body: body && JSON.stringify(body) })
    assert.ok(response.ok, `${method} ${path}: ${response.status}`)
    return response.json()
  }
  const message = (who, text) => who.page.locator('[data-message]', { hasText: text })
  /** Reaches something and presses it. */
  const press = async (who, name, key = 'Enter') => {
    await tabTo(who.page, name)
    const seen = await who.page.evaluate(() => document.activeElement.matches(':focus-visible') && getComputedStyle(document.activeElement).outlineStyle !== 'none')
    assert.ok(seen, `the focus on ${name} cannot be seen`)
    await who.page.keyboard.press(key)
  }

  /** Opens the menu that has the focus, and chooses an entry with the arrows. */
  const choose = async (who, entry) => {
    await who.page.keyboard.press('Enter')
    await who.page.getByRole('menu').waitFor()
    for (let i = 0; i < 12 && !entry.test(await focused(who.page)); i++) await who.page.keyboard.press('ArrowDown')
    assert.match(await focused(who.page), entry)
    await who.page.keyboard.press('Enter')
  }

  before(async () => {
    tutti = await startTutti()
    browser = await openPeople([{}, { viewport: { width: 1280, height: 720 } }])
    room = await tutti.createRoom({ title: 'Keys', scene: 'show' })
    ada = await join(browser.people[0], `${tutti.url}/r/${room.room}#k=${room.keys.host}`, 'Ada', signal('red', 440))
    await eventually('Ada is seen', () => ada.sees('Ada'))
    await api('POST', '/live', {})
    await api('PATCH', '/program', { height: 360, fps: 8 })
    mei = await watch(browser.people[1], `${tutti.url}/w/${room.room}`, '', { name: 'Mei', signal: signal('yellow', 1320) })
    await mei.plays('')
  })
  after(async () => {
    await browser?.close()
    await tutti?.close()
  })

  it('has a viewer raise a hand and go up once the host has let her', async () => {
    await press(mei, /^Raise hand$/)
    await ada.page.getByRole('button', { name: 'Let up: Mei' }).waitFor()
    await press(ada, /^Let up: Mei$/)
    await mei.page.locator('.page[data-seat=preview]').waitFor()
    await eventually('what is asked of her has the focus', async () => (await focused(mei.page)).length > 0 && mei.page.evaluate(() => document.activeElement.closest('[role=alertdialog]') !== null))
    await press(mei, /^Go up now$/)
    await mei.page.locator('.page[data-seat=on]').waitFor()
    await ada.tile('Mei').waitFor()
    await press(mei, /^Mute$/)
    await eventually('Mei is muted', async () => (await api('GET', '/stage')).seats.find(({ who }) => who)?.who.microphone === false)
  })

  it('has the host choose a layout with the arrows', async () => {
    await press(ada, /^Program$/)
    await tabTo(ada.page, /^Automatic|^Auto/)
    const before = (await api('GET', '/program')).layout
    await ada.page.keyboard.press('ArrowRight')
    await eventually('the next layout is chosen', async () => (await api('GET', '/program')).layout !== before)
    await eventually('the focus is where the choice is', () => ada.page.evaluate(() => document.activeElement.getAttribute('aria-checked') === 'true'))
  })

  it('has both write, and the host announce', async () => {
    await ada.press('c')
    await tabTo(ada.page, /^Say something…$/)
    await ada.page.keyboard.type('good evening')
    await ada.press('Enter')
    await message(mei, 'good evening').waitFor()
    await tabTo(mei.page, /^Say something…$/)
    await mei.page.keyboard.type('thank you')
    await mei.page.keyboard.press('Enter')
    await message(ada, 'thank you').waitFor()
    await tabTo(ada.page, /^Tools$/)
    await choose(ada, /^Moderation/)
    await tabTo(ada.page, /^Announce$/)
    await ada.page.keyboard.type('a song at nine')
    await ada.press('Enter')
    await mei.page.getByText('a song at nine').waitFor()
    await ada.page.getByRole('dialog').waitFor({ state: 'detached' })
  })

  it('has the host silence somebody by the menu of what they wrote', async () => {
    await tabTo(ada.page, /^Say something…$/)
    await ada.press('Shift+Tab') // the last message is before the field
    assert.equal(await focused(ada.page), 'More: Mei: thank you')
    await choose(ada, /^Silence/)
    await eventually('Mei cannot write', () => mei.page.getByRole('textbox', { name: 'Say something…' }).isDisabled())
  })

  it('has the viewer step down, and see the show again', async () => {
    await press(mei, /^Step down$/)
    await mei.page.locator('.page[data-seat=""]').waitFor()
    await mei.plays('')
  })

  it('leaves the focus to whoever is writing when they are let up', async () => {
    const identity = (await api('GET', '/stage')).silenced[0].identity
    await api('POST', '/stage/unsilence', { identity })
    await press(mei, /^Raise hand$/)
    await eventually('Mei waits', async () => (await api('GET', '/stage')).queue?.length === 1)
    await tabTo(mei.page, /^Say something…$/)
    await mei.page.keyboard.type('one ')
    await api('POST', '/stage/admit', { identity })
    await mei.page.locator('.page[data-seat=preview]').waitFor()
    await mei.page.keyboard.type('moment')
    assert.equal(await focused(mei.page), 'Say something…')
    await mei.page.keyboard.press('Enter')
    await message(ada, 'one moment').waitFor()
    await mei.page.locator('.page[data-seat=on]').waitFor()
    for (const who of [ada, mei]) assert.deepEqual(who.page.complaints, [])
  })
})
