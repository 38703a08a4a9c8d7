// A conference: who waits before the door, a lock, and groups that people are sent into and come back from.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openPeople } from '../lib/browser.mjs'
import { patience } from '../lib/patience.mjs'
import { assertTones, eventually, join } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

const tones = { host: 440, bo: 1100, cy: 1700 }

describe('a conference', { timeout: 1_800_000 }, () => {
  let server, browser, room, host, bo, cy
  const guest = () => `${server.url}/r/${room.room}#k=${room.keys.guest}`
  const connected = (who) => who.page.waitForSelector('.room[data-phase=connected]:not([data-waiting])', { timeout: patience })
  const switched = (label, on) => host.page.locator(`[role=switch][aria-checked=${on}]`, { hasText: label })
  const silent = async (what, hears, list) => {
    const levels = await hears(list)
    assert.ok(levels.every((level) => level < -60), `${what}: ${levels}`)
  }

  /** Comes in by the guests' link, as far as the door. */
  const knock = (who, name, signal) => join(browser.people[who], guest(), name, signal, { waits: true })

  before(async () => {
    server = await startTutti()
    browser = await openPeople([{}, {}, {}])
    room = await server.createRoom({ title: 'Monday', scene: 'conference' })
    host = await join(browser.people[0], `${server.url}/r/${room.room}#k=${room.keys.host}`, 'Ada', { colour: colours.red, tone: tones.host })
  })
  after(async () => {
    await browser?.close()
    await server?.close()
  })

  it('lets people wait before the door, and in when the host says so', async () => {
    await host.tool('Door')
    await switched('Waiting room', false).click()
    await switched('Waiting room', true).waitFor()
    bo = await knock(1, 'Bo', { colour: colours.green, tone: tones.bo })
    await bo.page.getByText('You will be let in soon').waitFor()
    await silent('before the door', bo.hears, [tones.host])
    await host.page.getByRole('button', { name: 'Let in: Bo' }).click()
    await connected(bo)
    await assertTones('Bo', bo.hears, [tones.host])
    await assertTones('the host', host.hears, [tones.bo])
  })

  it('turns somebody away', async () => {
    cy = await knock(2, 'Cy', { colour: colours.blue, tone: tones.cy })
    await cy.page.getByText('You will be let in soon').waitFor()
    await host.page.getByRole('button', { name: 'Turn away: Cy' }).click()
    await cy.page.getByText('You were removed').waitFor()
  })

  it('locks the door, and opens it again', async () => {
    await switched('Waiting room', true).click()
    await switched('Lock the room', false).click()
    await switched('Lock the room', true).waitFor()
    await cy.page.reload()
    await cy.page.getByRole('button', { name: /^Join$/ }).click()
    await cy.page.getByText('The room is locked').waitFor()
    await switched('Lock the room', true).click()
    await switched('Lock the room', false).waitFor()
    await cy.page.reload()
    await cy.page.getByRole('button', { name: /^Join$/ }).click()
    await connected(cy)
    await assertTones('Cy', cy.hears, [tones.host, tones.bo])
  })

  it('parts everybody into groups, who hear each other there and nobody else', async () => {
    await host.tool('Groups')
    await host.page.getByRole('button', { name: 'Make groups' }).click()
    const card = (n) => host.page.locator(`section[data-group="${n}"]`)
    const put = (name) => host.page.getByLabel(`Move ${name} to`)
    await put('Bo').selectOption('2')
    await put('Cy').selectOption('2')
    await card(2).locator('li[data-identity]').nth(1).waitFor()
    await host.page.getByRole('button', { name: 'Open the groups' }).click()
    for (const who of [bo, cy]) {
      await who.page.getByText('Group 2').first().waitFor()
      await connected(who)
    }
    await assertTones('Bo in the group', bo.hears, [tones.cy])
    await assertTones('Cy in the group', cy.hears, [tones.bo])
    await silent('Bo hears the main room', bo.hears, [tones.host])
    await eventually('the host is alone', async () => (await host.page.locator('figure[data-kind=camera]').count()) === 1)
    await eventually('the host sees that both are there', async () => (await card(2).locator('li[data-identity]:not(.away)').count()) === 2)
    assert.equal(await host.page.getByText('You are the only one here').count(), 0, 'who is left is not asked to invite somebody')
  })

  it('has the host write to the groups and visit one', async () => {
    await host.page.getByLabel('Message to all groups').fill('Five more minutes')
    await host.page.getByRole('button', { name: 'Send', exact: true }).click()
    await bo.page.locator('.notice.said', { hasText: 'Five more minutes' }).waitFor()
    await host.page.getByRole('button', { name: 'Go there: Group 2' }).click()
    await host.page.getByRole('button', { name: 'Back to the main room' }).waitFor()
    await connected(host)
    await assertTones('Bo', bo.hears, [tones.host, tones.cy])
    assert.equal(await host.page.getByRole('button', { name: 'Go live' }).count(), 0)
    await host.page.getByRole('button', { name: 'Back to the main room' }).click()
    await eventually('the host is back', async () => (await host.page.getByRole('button', { name: 'Go live' }).count()) === 1)
  })

  it('lets somebody come back alone and go there again', async () => {
    await cy.page.getByRole('button', { name: 'Back to the main room' }).click()
    await cy.page.getByRole('button', { name: 'Go there' }).waitFor()
    await assertTones('Cy in the main room', cy.hears, [tones.host])
    await cy.page.getByRole('button', { name: 'Go there' }).click()
    await assertTones('Cy in the group again', cy.hears, [tones.bo])
  })

  it('brings everybody back when the groups close', async () => {
    if ((await host.page.getByRole('button', { name: 'Close the groups' }).count()) === 0) await host.tool('Groups')
    await host.page.getByLabel('Everybody is back').selectOption('10')
    await host.page.getByRole('button', { name: 'Close the groups' }).click()
    await host.page.getByRole('dialog').getByRole('button', { name: 'Close the groups' }).click()
    await bo.page.getByText(/0:0\d left/).first().waitFor()
    for (const who of [bo, cy]) await assertTones(who.name, who.hears, [tones.host])
    await assertTones('the host', host.hears, [tones.bo, tones.cy])
    assert.equal(await bo.page.getByRole('button', { name: 'Back to the main room' }).count(), 0)
  })

  it('complains about nothing', () => {
    for (const who of [host, bo, cy]) assert.deepEqual(who.page.complaints, [], who.name)
  })
})
