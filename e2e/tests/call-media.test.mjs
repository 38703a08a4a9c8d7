// What one side of a call does with its camera, microphone and screen, as the other side sees and hears it.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../lib/browser.mjs'
import { answer, assertTones, call, eventually, plainAddresses } from '../lib/callers.mjs'
import { pluggedIn } from '../lib/devices.mjs'
import { alike, assertNoTones } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

describe('what the other side sees and hears', { timeout: 1_800_000 }, () => {
  let tutti, browsers, ada, bo
  const title = 'A concert to share'

  before(async () => {
    tutti = await startTutti()
    browsers = [
      // Without made-up permissions, so that a tab is chosen by its name.
      await openBrowser({ devices: false, args: [...plainAddresses, `--auto-select-tab-capture-source-by-title=${title}`] }),
      await openBrowser({ args: plainAddresses }),
    ]
    await browsers[0].context.addInitScript(pluggedIn, [
      { label: 'First', colour: colours.red, tone: 440 }, { label: 'Second', colour: colours.blue, tone: 880 },
    ])
    const room = await tutti.createRoom({ title: 'Tea' })
    const link = (key) => `${tutti.url}/c/${room.room}#k=${key}`
    ada = await call(browsers[0], link(room.keys.host), 'Ada')
    bo = await answer(browsers[1], link(room.keys.guest), 'Bo', { colour: colours.green, tone: 660 })
    await Promise.all([ada.onPath('direct'), bo.onPath('direct')])
  })
  after(async () => {
    await Promise.all((browsers ?? []).map((browser) => browser.close()))
    await tutti?.close()
  })

  /** Waits until a picture of Ada's is of a colour where Bo looks. */
  const shows = (colour, kind) =>
    eventually(`Bo sees Ada's ${kind ?? 'camera'} in ${colour}`, async () => {
      const seen = await bo.sees('Ada', kind)
      if (!seen || !alike(seen.colour, colour)) throw new Error(JSON.stringify(seen))
      return seen
    })

  async function more(item) {
    await ada.control('More').click()
    await ada.page.getByRole('menuitem', { name: item }).click()
  }

  it('another camera and microphone, chosen during the call', async () => {
    await shows(colours.red)
    await assertTones('Bo', bo.hears, [440])
    await more('Camera and sound')
    await ada.page.getByLabel('Camera', { exact: true }).selectOption({ label: 'Second' })
    await shows(colours.blue)
    await ada.page.getByLabel('Microphone', { exact: true }).selectOption({ label: 'Second' })
    await assertNoTones('Bo', bo.hears, [440], 880)
    await ada.page.keyboard.press('Escape')
  })

  it('a filter, and none again', async () => {
    await more('Filters')
    await ada.page.getByRole('radio', { name: 'Black and white' }).check({ force: true })
    await eventually('Bo sees Ada without colours', async () => {
      const { colour } = await bo.sees('Ada')
      if (Math.max(...colour) - Math.min(...colour) > 12 || Math.max(...colour) < 20) throw new Error(`${colour}`)
      return true
    })
    await ada.page.getByRole('radio', { name: 'None' }).check({ force: true })
    await shows(colours.blue)
    await ada.page.keyboard.press('Escape')
  })

  it('a shared tab with its sound, beside the camera and the voice', async () => {
    const tab = await browsers[0].context.newPage()
    await tab.goto(`${tutti.url}/healthz`)
    await tab.evaluate(([name, colour]) => {
      document.title = name
      document.documentElement.style.background = `rgb(${colour})`
      const context = new AudioContext()
      const oscillator = new OscillatorNode(context, { frequency: 1200 })
      oscillator.connect(new GainNode(context, { gain: 0.3 })).connect(context.destination)
      oscillator.start()
    }, [title, colours.yellow])
    await ada.page.bringToFront()
    await ada.press('s')
    await shows(colours.yellow, 'screen')
    await shows(colours.blue)
    await assertTones('Bo', bo.hears, [880, 1200])
    await ada.press('s')
    await bo.tile('Ada', 'screen').waitFor({ state: 'detached' })
    await eventually('the tab is no longer heard', async () => (await bo.hears([1200]))[0] < -80)
    await assertTones('Bo', bo.hears, [880])
    await tab.close()
  })

  it('a message, to whom it goes', async () => {
    await ada.press('c')
    await ada.page.getByRole('textbox', { name: 'Write to Bo', exact: true }).fill('Hello')
    await ada.press('Enter')
    await bo.control('Chat, 1 new message').waitFor()
    await ada.press('Escape')
  })

  it('says how long they talk, and have talked', async () => {
    await bo.page.getByRole('timer', { name: 'Time talked' }).getByText(/^\d+:\d\d$/).waitFor()
    await bo.hangUp()
    await bo.page.getByText(/^You talked for \d+:\d\d\./).waitFor()
    await ada.page.getByRole('heading', { name: 'Bo left' }).waitFor()
    await ada.page.getByText(/^You talked for \d+:\d\d\./).waitFor()
  })

  it('complains about nothing', () => {
    for (const who of [ada, bo]) assert.deepEqual(who.page.complaints, [], who.name)
  })
})
