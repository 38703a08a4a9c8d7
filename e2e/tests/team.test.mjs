// A team's room: several screens at once, where somebody points on one, and files for each other.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { openPeople } from '../lib/browser.mjs'
import { eventually, join } from '../lib/people.mjs'
import { startTutti } from '../lib/tutti.mjs'

describe('a team room', { timeout: 1_800_000 }, () => {
  let server, browser, room
  const people = []
  before(async () => {
    server = await startTutti()
    room = await server.createRoom({ title: 'Office', scene: 'team' })
    browser = await openPeople([{}, {}, {}])
    for (const [i, [name, key]] of [['Ada', room.keys.host], ['Bo', room.keys.guest], ['Cy', room.keys.guest]].entries()) {
      people.push(await join(browser.people[i], `${server.url}/r/${room.room}#k=${key}`, name))
    }
  })
  after(async () => {
    await browser?.close()
    await server?.close()
  })

  it('shows several screens at once', async () => {
    const [ada, bo, cy] = people
    for (const who of [ada, bo]) await who.page.getByRole('button', { name: 'Share the screen', exact: true }).click()
    await eventually('Cy sees two screens', async () => (await cy.page.locator('figure[data-kind=screen] video').count()) === 2)
  })

  it('shows where somebody points, with their name', async () => {
    const [ada, bo, cy] = people
    await cy.control('Show my pointer on shared screens').click()
    const layer = (who, sid) => who.page.locator(`.layer[data-sid="${sid}"]`)
    const sid = await eventually('whose screen it is', () => cy.tile('Ada', 'screen').locator('.layer').getAttribute('data-sid'))
    const pointer = layer(bo, sid).locator('.pointer', { hasText: 'Cy' })
    const place = await eventually('Bo sees it', async () => {
      const box = await layer(cy, sid).boundingBox()
      await cy.page.mouse.move(box.x + box.width * 0.25, box.y + box.height * 0.5)
      await cy.page.mouse.move(box.x + box.width * 0.25 + 1, box.y + box.height * 0.5)
      return pointer.evaluateAll((all) => all.length === 1 && all[0].getAttribute('style')) // at once, since it does not stay
    })
    assert.match(place, /left: 2[45](\.\d+)?%; top: (49|50)(\.\d+)?%/)
    await pointer.waitFor({ state: 'detached' })
  })

  const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

  /** Drops a file for all who are there. */
  const drop = (who, file, called) => who.page.evaluate(([base64, name]) => {
    const data = new DataTransfer()
    data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name))
    document.querySelector('.room').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }))
  }, [file.toString('base64'), called])

  /** Saves the only file that is not saved, and tells what is in it. */
  async function saved(who) {
    const download = who.page.waitForEvent('download')
    await who.page.getByRole('button', { name: /^Save: / }).click()
    return sha256(readFileSync(await (await download).path()))
  }

  it('takes a file that is dropped to all who want it', async () => {
    const [ada, bo, cy] = people
    const file = randomBytes(1 << 20)
    await drop(ada, file, 'plan.bin')
    await cy.page.getByRole('button', { name: 'Refuse' }).click()
    await bo.page.getByText('Ada wants to send you plan.bin').waitFor()
    await bo.page.getByRole('button', { name: 'Accept' }).click()
    await bo.page.locator('li[data-phase=done][data-direction=in]').waitFor()
    assert.equal(await saved(bo), sha256(file))
    await ada.tool('Files')
    await ada.page.locator('li[data-phase=done]', { hasText: 'to Bo' }).waitFor()
    await ada.page.locator('li[data-phase=refused]', { hasText: 'to Cy' }).waitFor()
  })

  it('asks whoever goes back about a file that is not saved, which they can still save when they were sent out', async () => {
    const [ada, bo, cy] = people
    const file = randomBytes(1 << 16)
    await drop(ada, file, 'draft.bin')
    await bo.page.locator('li', { hasText: 'draft.bin' }).getByRole('button', { name: 'Accept' }).click() // the panel is open
    await bo.page.locator('li[data-phase=done]', { hasText: 'draft.bin' }).waitFor()
    const address = bo.page.url()
    await bo.page.evaluate((here) => {
      history.replaceState(null, '', '/')
      history.pushState(null, '', here)
    }, address)
    const question = bo.page.getByRole('dialog', { name: 'A file you received is not saved' })
    await bo.page.goBack()
    await question.getByRole('button', { name: 'Cancel' }).click()
    assert.equal(bo.page.url(), address)
    await bo.page.locator('.room[data-phase=connected]').waitFor()
    // Cy only ignores what is offered, which is nothing to be lost.
    await cy.page.getByText('Ada wants to send you draft.bin').waitFor()
    await cy.page.evaluate((here) => {
      history.replaceState(null, '', '/')
      history.pushState(null, '', here)
    }, cy.page.url())
    await cy.page.goBack()
    await cy.page.locator('.room').waitFor({ state: 'detached' })

    await ada.press('p')
    await ada.page.getByRole('button', { name: 'Remove from the room: Bo' }).click()
    await ada.page.getByRole('dialog').getByRole('button', { name: 'Remove from the room' }).click()
    await bo.page.locator('[data-over=removed]').waitFor()
    await bo.page.goBack()
    await question.getByRole('button', { name: 'Cancel' }).click()
    await bo.page.locator('[data-over=removed]').waitFor()
    await bo.page.getByRole('button', { name: 'Go to the home page' }).click()
    await question.getByRole('button', { name: 'Cancel' }).click()
    assert.equal(await saved(bo), sha256(file))
    await bo.page.getByRole('button', { name: 'Go to the home page' }).click()
    await bo.page.locator('[data-over]').waitFor({ state: 'detached' })
    assert.equal(new URL(bo.page.url()).pathname, '/')
    assert.deepEqual([ada, bo, cy].flatMap((who) => who.page.complaints), [])
  })
})
