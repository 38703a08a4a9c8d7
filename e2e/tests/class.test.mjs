// A class: a teacher and two students; what is drawn, who may speak, who is there.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openPeople } from '../lib/browser.mjs'
import { assertTones, eventually, join } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

const tones = { bo: 1100 }

describe('a class', { timeout: 1_800_000 }, () => {
  let server, browser, room, teacher, bo, cy
  const guest = () => `${server.url}/r/${room.room}#k=${room.keys.guest}`
  const sheet = (who) => who.page.locator('.sheet')
  const count = async (who) => Number(await sheet(who).getAttribute('data-elements'))
  const drawn = (who, n) => eventually(`${who.name} sees ${n} elements`, async () => (await count(who)) === n)

  /** Draws a line on the board, from and to shares of its width and height. */
  async function drag(who, [x1, y1], [x2, y2]) {
    const box = await sheet(who).boundingBox()
    await who.page.mouse.move(box.x + x1 * box.width, box.y + y1 * box.height)
    await who.page.mouse.down()
    await who.page.mouse.move(box.x + x2 * box.width, box.y + y2 * box.height, { steps: 6 })
    await who.page.mouse.up()
  }

  /** How a student comes in: without being asked for a camera. */
  const enter = (who, name, signal) => join(browser.people[who], guest(), name, signal)

  before(async () => {
    server = await startTutti()
    browser = await openPeople([{}, {}, {}, {}])
    room = await server.createRoom({ title: 'Mathematics', scene: 'class' })
    teacher = await join(browser.people[0], `${server.url}/r/${room.room}#k=${room.keys.host}`, 'Ada', { colour: colours.red, tone: 440 })
    bo = await enter(1, 'Bo', { colour: colours.green, tone: tones.bo })
    cy = await enter(2, 'Cy')
  })
  after(async () => {
    await browser?.close()
    await server?.close()
  })

  it('shows all what the teacher draws, and lets nobody else draw', async () => {
    await teacher.control('Open the whiteboard').click()
    for (const who of [teacher, bo, cy]) await sheet(who).waitFor()
    await teacher.page.getByRole('toolbar', { name: 'Drawing tools' }).waitFor()
    await drag(teacher, [0.2, 0.3], [0.5, 0.6])
    await teacher.control('Rectangle').click()
    await drag(teacher, [0.6, 0.2], [0.8, 0.5])
    await drawn(bo, 2)
    await drawn(cy, 2)
    assert.equal(await bo.page.getByRole('toolbar', { name: 'Drawing tools' }).count(), 0)
  })

  it('undoes, redoes, and is drawn on by keyboard alone', async () => {
    await sheet(teacher).focus()
    await teacher.press('Control+z')
    await drawn(bo, 1)
    await teacher.press('Control+Shift+z')
    await drawn(bo, 2)
    await teacher.press('t')
    await teacher.press('Enter')
    await teacher.page.keyboard.type('x squared')
    await teacher.press('Control+Enter')
    await drawn(bo, 3)
    await bo.page.getByText('x squared').waitFor({ state: 'attached' })
  })

  it('keeps the board for who comes late, and for a teacher who reloads', async () => {
    await teacher.page.reload()
    await teacher.page.getByRole('button', { name: /^Join/ }).first().click()
    await teacher.page.waitForSelector('.room[data-phase=connected]')
    await drawn(teacher, 3)
    await cy.leave()
    // Or she is on the roll twice: who closes a page does not always get to say so.
    await eventually('the room knows that Cy has gone', async () => {
      const answer = await fetch(`${server.url}/api/rooms/${room.room}/participants`, { headers: { 'X-Tutti-Key': room.keys.host } })
      return (await answer.json()).participants.every((p) => p.name !== 'Cy')
    })
    cy = await enter(3, 'Cy') // in a browser that knows nothing of the board
    await drawn(cy, 3)
  })

  it('lets a student up who raised a hand, and then she is heard and draws', async () => {
    await bo.control('Raise hand').click()
    await bo.page.getByText('Your hand is up').waitFor()
    await teacher.page.getByRole('button', { name: '1 hand up' }).click()
    await teacher.page.getByRole('button', { name: 'Let up: Bo' }).or(teacher.page.locator('.admit')).first().click()
    await bo.control('Unmute').click()
    await assertTones('Cy', cy.hears, [tones.bo])
    await bo.page.getByRole('toolbar', { name: 'Drawing tools' }).waitFor()
    await drag(bo, [0.1, 0.8], [0.4, 0.9])
    await drawn(teacher, 4)
  })

  it('ends a text on its page when another is turned to', async () => {
    await sheet(bo).focus()
    await bo.press('t')
    await bo.press('Enter')
    await bo.page.keyboard.type('the roots')
    await teacher.page.getByRole('button', { name: 'New page' }).click()
    await drawn(bo, 0)
    await bo.page.getByRole('textbox', { name: 'Text' }).waitFor({ state: 'detached' })
    await bo.page.keyboard.type(' are t') // who types on wishes nothing of the room, nor of the tools
    await bo.page.keyboard.press('Enter')
    assert.equal(await bo.page.getByRole('textbox', { name: 'Text' }).count(), 0)
    await bo.press('Escape')
    await bo.press('t')
    await bo.press('Enter')
    await bo.page.keyboard.type('gone')
    await teacher.page.getByRole('button', { name: 'More: Pages' }).click()
    await teacher.page.getByRole('menuitem', { name: 'Remove this page' }).click()
    await bo.page.getByText('your text with it').waitFor()
    await teacher.page.getByText('the roots').waitFor({ state: 'attached' })
    await drawn(bo, 5)
  })

  it('calls the roll', async () => {
    await teacher.tool('Roll call')
    await teacher.page.getByRole('button', { name: 'Call the roll' }).click()
    await cy.page.getByRole('button', { name: 'I am here' }).click()
    await teacher.page.getByText('1 of 2 here').waitFor()
    // The list follows the figure a moment later; until then nobody in it has answered.
    const asked = (name) => teacher.page.getByRole('list', { name: 'Roll call' }).getByRole('listitem').filter({ hasText: name })
    await asked('Cy').getByText('No answer').waitFor({ state: 'detached' })
    await asked('Bo').getByText('No answer').waitFor()
    const download = teacher.page.waitForEvent('download')
    await teacher.page.getByRole('button', { name: 'Save as a table' }).first().click()
    assert.match((await download).suggestedFilename(), /\.csv$/)
    await teacher.page.getByRole('button', { name: 'End now' }).click()
    await cy.page.getByText('Roll call: are you here?').waitFor({ state: 'detached' })
  })

  it('asks all a question', async () => {
    await teacher.tool('Polls')
    await teacher.page.getByRole('button', { name: /new poll/i }).or(teacher.page.locator('.polls button').first()).first().click()
    const fields = teacher.page.locator('.polls input:not([type=checkbox])')
    for (const [i, text] of ['Where is the vertex?', '(0, 4)', '(0, -4)'].entries()) await fields.nth(i).fill(text)
    await teacher.page.locator('.polls button[type=submit]').click()
    await cy.page.getByRole('button', { name: 'Poll: Where is the vertex?' }).click()
    await cy.page.getByLabel('(0, -4)').check()
    await cy.page.locator('.poll button').last().click()
    await teacher.page.locator('.poll', { hasText: 'Where is the vertex?' }).getByText(/^1 v/).waitFor()
  })

  it('complains about nothing', () => {
    for (const who of [teacher, bo, cy]) assert.deepEqual(who.page.complaints, [], who.name)
  })
})
