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

  it('takes a file that is dropped to all who want it', async () => {
    const [ada, bo, cy] = people
    const file = randomBytes(1 << 20)
    const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
    await ada.page.evaluate((base64) => {
      const data = new DataTransfer()
      data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], 'plan.bin'))
      document.querySelector('.room').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }))
    }, file.toString('base64'))
    await cy.page.getByRole('button', { name: 'Refuse' }).click()
    await bo.page.getByText('Ada wants to send you plan.bin').waitFor()
    await bo.page.getByRole('button', { name: 'Accept' }).click()
    await bo.page.locator('li[data-phase=done][data-direction=in]').waitFor()
    const download = bo.page.waitForEvent('download')
    await bo.page.getByRole('button', { name: 'Save', exact: true }).click()
    assert.equal(sha256(readFileSync(await (await download).path())), sha256(file))
    await ada.tool('Files')
    await ada.page.locator('li[data-phase=done]', { hasText: 'to Bo' }).waitFor()
    await ada.page.locator('li[data-phase=refused]', { hasText: 'to Cy' }).waitFor()
    assert.deepEqual([ada, bo, cy].flatMap((who) => who.page.complaints), [])
  })
})
