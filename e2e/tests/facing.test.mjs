// A phone's camera is turned to its other side, in a call and in a room: everybody sees it, in the same track.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openPeople } from '../lib/browser.mjs'
import { answer, call } from '../lib/callers.mjs'
import { pluggedIn } from '../lib/devices.mjs'
import { alike, eventually, join } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

describe('a phone with a camera on either side', { timeout: 1_800_000 }, () => {
  let tutti, browser, phone, desk
  const link = (kind, { room, keys }, role) => `${tutti.url}/${kind}/${room}#k=${keys[role]}`
  const turn = ({ page }) => page.getByRole('button', { name: 'Flip the camera' })

  before(async () => {
    tutti = await startTutti()
    browser = await openPeople([{ viewport: { width: 390, height: 844 }, phone: true }, {}])
    ;[phone, desk] = browser.people
    await phone.context.addInitScript(pluggedIn, [
      { label: 'Front', facing: 'user', colour: colours.red, tone: 440 }, { label: 'Back', facing: 'environment', colour: colours.blue, tone: 440 },
    ])
  })
  after(async () => {
    await browser?.close()
    await tutti?.close()
  })

  const sees = (who, of, colour) =>
    eventually(`${who.name} sees ${of} in ${colour}`, async () => {
      const seen = await who.sees(of)
      return (seen && alike(seen.colour, colour)) || Promise.reject(new Error(JSON.stringify(seen)))
    })
  /** Whether the phone shows its own picture as in a mirror. */
  const mirrored = (who) => who.tile('Ada').locator('.mirrored').count()
  const sent = ({ page }) => page.evaluate(async () => (await window.reports('outbound-rtp')).filter(({ kind }) => kind === 'video').map(({ ssrc }) => ssrc).sort())

  async function turnsAround(ada, bo) {
    await sees(bo, 'Ada', colours.red)
    const before = await sent(ada)
    assert.equal(await mirrored(ada), 1)
    await turn(ada).click()
    await sees(bo, 'Ada', colours.blue)
    await eventually('what the others see is not mirrored', async () => (await mirrored(ada)) === 0)
    assert.deepEqual(await sent(ada), before, 'the same track goes on')
    await ada.page.getByRole('button', { name: 'Turn the camera off' }).click()
    await turn(ada).waitFor({ state: 'detached' })
    await ada.page.getByRole('button', { name: 'Turn the camera on' }).click()
    await sees(bo, 'Ada', colours.blue)
    await turn(ada).click()
    await sees(bo, 'Ada', colours.red)
    await eventually('the own face is mirrored', async () => (await mirrored(ada)) === 1)
    assert.equal(await turn(bo).count(), 0, 'a computer’s camera has one side')
    for (const who of [ada, bo]) assert.deepEqual(who.page.complaints, [], who.name)
    for (const who of [ada, bo]) await who.leave()
  }

  it('in a call', async () => {
    const room = await tutti.createRoom({ title: 'Tea' })
    const ada = await call(phone, link('c', room, 'host'), 'Ada')
    const bo = await answer(desk, link('c', room, 'guest'), 'Bo')
    await ada.onPath('direct')
    await turnsAround(ada, bo)
  })

  it('in a room', async () => {
    const room = await tutti.createRoom({ title: 'Tea' })
    await turnsAround(await join(phone, link('r', room, 'host'), 'Ada'), await join(desk, link('r', room, 'guest'), 'Bo'))
  })
})
