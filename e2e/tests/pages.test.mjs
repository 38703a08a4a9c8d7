import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { openBrowser, openPeople } from '../lib/browser.mjs'
import { tabTo } from '../lib/keyboard.mjs'
import { eventually, join, watch } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

/** A scene that an operator wrote. */
const debate = `
name: debate
title: {en: Debate, zh: 辩论赛}
summary: {en: Two sides and an audience that decides., zh: 正反双方，观众投票定胜负。}
roles: {host: {en: Chair, zh: 主席}, cohost: {en: Assistant, zh: 助理}, speaker: {en: Debater, zh: 辩手}, audience: {en: Audience, zh: 观众}}
arrivals: audience
seats: {count: 4, request: true, invite: true, claim: false}
publish: {host: [camera, microphone], cohost: [camera, microphone], speaker: [camera, microphone]}
orientation: landscape
layout: grid
audio: speech
features: {chat: true, polls: true}
`

describe('the page', { timeout: 1_800_000 }, () => {
  let tutti, browser
  const scenes = mkdtempSync(path.join(tmpdir(), 'tutti-e2e-scenes-'))
  before(async () => {
    writeFileSync(path.join(scenes, 'debate.yaml'), debate)
    tutti = await startTutti(['--create-rooms', 'anyone', '--scenes', scenes])
    browser = await openBrowser()
  })
  after(async () => {
    await browser?.close()
    await tutti?.close()
    rmSync(scenes, { recursive: true, force: true })
  })

  it('opens a room of each scene, the operator’s own too, and shows what is on in rooms that it knows', async () => {
    const page = await browser.page()
    await page.addInitScript(() => localStorage.setItem('tutti.language', 'en'))
    const words = { class: /^Class /, conference: /^Conference /, karaoke: /^Karaoke /, match: /^Match-making /, team: /^Team room /, debate: /^Debate Two sides/ }
    for (const [scene, word] of Object.entries(words)) {
      await page.goto(tutti.url)
      await page.getByRole('button', { name: word }).click()
      await page.getByRole('dialog').getByLabel('Title').fill(`A ${scene}`)
      await page.getByRole('dialog').locator('button[type=submit]').click()
      await page.getByRole('heading', { name: `A ${scene}` }).waitFor()
      const room = new URL(page.url()).pathname.split('/').at(-1)
      assert.equal((await (await fetch(`${tutti.url}/api/rooms/${room}`)).json()).scene, scene)
    }
    // The page of the operator's scene has what that scene has.
    await page.getByLabel('Your name').fill('Ada')
    await page.getByRole('button', { name: 'Join as host' }).click()
    await page.waitForSelector('.room[data-phase=connected]')
    await page.getByRole('button', { name: 'Hands & seats', exact: true }).waitFor()
    await page.getByRole('button', { name: 'Tools', exact: true }).click()
    await page.getByRole('menuitem', { name: 'Polls' }).waitFor()
    await page.keyboard.press('Escape')
    assert.equal(await page.getByRole('button', { name: /whiteboard/i }).count(), 0, 'it has no whiteboard')
    await page.getByRole('button', { name: 'Go live' }).click()
    await page.getByRole('button', { name: 'Start', exact: true }).click()
    await page.getByRole('button', { name: /LIVE/ }).waitFor()

    const home = await browser.page()
    const asked = []
    home.on('request', (request) => asked.push(request.url()))
    await home.goto(tutti.url)
    const card = home.getByRole('region', { name: 'Live now' }).getByRole('link', { name: /A debate.*viewer/ })
    await eventually('its picture is there', () => card.locator('img').evaluate((img) => img.complete && img.naturalWidth > 0))
    await card.click()
    await home.waitForSelector('.page[data-phase=playing]')
    // A host's key opens the room, so it is neither in an address that may be given on nor in one that is asked for.
    const key = await home.evaluate(() => JSON.parse(localStorage.getItem('tutti.rooms'))[0].key)
    assert.deepEqual([home.url(), ...asked].filter((url) => url.includes(key)), [])
    await home.close()
    await page.close()
  })

  it('says at the address of a show that nobody has opened, and follows along', async () => {
    const viewer = await watch(browser, `${tutti.url}/w/later`)
    await viewer.page.getByRole('heading', { name: 'There is no show here yet' }).waitFor()
    await viewer.page.getByText('Nobody has opened a room named “later”').waitFor()
    await viewer.page.getByRole('button', { name: 'Go to the home page' }).waitFor()
    assert.equal(await viewer.page.getByText('later', { exact: true }).filter({ visible: true }).count(), 1, 'the name stands there once')
    await tutti.createRoom({ name: 'later' })
    await viewer.page.getByRole('heading', { name: 'Not started yet' }).waitFor()
    await viewer.leave()
  })

  it('says of an address that leads nowhere what may be wrong, and leads home', async () => {
    const page = await browser.page()
    await page.goto(`${tutti.url}/x/y/z`)
    await page.getByRole('heading', { name: 'There is no such page' }).waitFor()
    await page.getByText('The link may be incomplete').waitFor()
    await page.getByRole('button', { name: 'Go to the home page' }).click()
    await page.getByRole('button', { name: /Start a room/ }).waitFor()
    await page.close()
  })

  it('opens a room, joins it and leaves it by keyboard alone', async () => {
    const page = await browser.page()
    await page.addInitScript(() => localStorage.setItem('tutti.language', 'en'))
    await page.goto(tutti.url)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await tabTo(page, /^Start a room/)
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle)
    assert.equal(outline, 'solid', 'the focus can be seen')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()

    // The dialog keeps the focus.
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('Tab')
      const outside = await page.evaluate(() => document.activeElement !== document.body && !document.activeElement.closest('dialog'))
      assert.equal(outside, false, 'the focus left the dialog')
    }
    await page.getByLabel('Title').focus()
    await page.keyboard.type('By keyboard')
    await page.keyboard.press('Enter')

    await page.getByRole('heading', { name: 'By keyboard' }).waitFor()
    await page.getByLabel('Your name').focus()
    await page.keyboard.type('Ada')
    await page.getByRole('button', { name: 'Join as host' }).waitFor()
    await eventually('the preview is ready', () => page.getByRole('button', { name: 'Join as host' }).isEnabled())
    await page.keyboard.press('Enter')
    await page.waitForSelector('.room[data-phase=connected]')
    await page.getByRole('heading', { name: 'You are the only one here' }).waitFor()

    await eventually('the microphone is sent', () => page.getByRole('button', { name: 'Mute', exact: true }).isEnabled())
    await page.keyboard.press('m')
    await page.getByRole('button', { name: 'Unmute' }).waitFor()
    await page.keyboard.press('Shift+?')
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor()
    await page.keyboard.press('m')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    assert.equal(await page.getByRole('button', { name: 'Unmute' }).count(), 1, 'no shortcut acts behind a dialog')

    await tabTo(page, /^Leave$/)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'You have left' }).waitFor()
    await page.close()
  })

  it('sums up the show that ends with leaving, and lets people come back at one click', async () => {
    const room = await tutti.createRoom({ title: 'Once more' })
    const ada = await join(browser, `${tutti.url}/r/${room.room}#k=${room.keys.host}`, 'Ada', { colour: colours.red, tone: 440 })
    await ada.page.getByRole('button', { name: 'Go live' }).click()
    await ada.page.getByRole('button', { name: 'Start', exact: true }).click()
    await ada.page.getByRole('button', { name: /LIVE/ }).waitFor()
    await ada.press('m')
    await ada.control('Unmute').waitFor()
    const address = ada.page.url()
    await ada.page.evaluate((here) => {
      history.replaceState(null, '', '/')
      history.pushState(null, '', here)
    }, address)
    await ada.page.goBack()
    await ada.page.getByRole('dialog', { name: 'You are live' }).getByRole('button', { name: 'Close' }).click()
    assert.equal(ada.page.url(), address)
    // What is open of a show that somebody else ends is closed, and does not come up with the next one.
    const air = (method) => fetch(`${tutti.url}/api/rooms/${room.room}/live`, { method, headers: { 'X-Tutti-Key': room.keys.host, 'Content-Type': 'application/json' }, ...(method === 'POST' ? { body: '{}' } : {}) })
    await ada.page.getByRole('button', { name: /LIVE/ }).click()
    await ada.page.getByRole('dialog').waitFor()
    await air('DELETE')
    await ada.page.getByRole('dialog').waitFor({ state: 'detached' })
    await air('POST')
    await ada.page.getByRole('button', { name: /LIVE/ }).waitFor()
    assert.equal(await ada.page.getByRole('dialog').count(), 0)
    // Nor is anybody asked about it any more who wanted to leave it.
    await ada.control('Leave').click()
    await ada.page.getByRole('dialog', { name: 'You are live' }).waitFor()
    await air('DELETE')
    await ada.page.getByRole('heading', { name: 'You have left' }).waitFor()
    await ada.page.getByRole('button', { name: 'Come back' }).click()
    await ada.page.waitForSelector('.room[data-phase=connected]')
    await air('POST')
    await ada.page.getByRole('button', { name: /LIVE/ }).waitFor()
    await ada.control('Leave').click()
    await ada.page.getByRole('button', { name: 'End the show and leave' }).click()
    await ada.page.getByRole('heading', { name: 'You have left' }).waitFor()
    await ada.page.getByText('Most viewers at once').waitFor()

    await ada.page.getByRole('button', { name: 'Come back' }).click()
    await ada.page.waitForSelector('.room[data-phase=connected]')
    await ada.control('Turn the camera off').waitFor()
    await ada.control('Unmute').waitFor()
    await ada.page.getByText('1 person', { exact: true }).waitFor()
    await ada.leave()
  })

  it('opens a call at one click, and says when it could not', async () => {
    const page = await browser.page()
    await page.route('**/api/rooms', (route) => route.abort())
    await page.goto(tutti.url)
    await page.getByRole('button', { name: /^Call someone/ }).click()
    await page.getByText('The server does not answer.').waitFor()
    await page.unroute('**/api/rooms')
    await page.getByRole('button', { name: /^Call someone/ }).click()
    await page.getByRole('button', { name: 'Start the call' }).waitFor()
    await page.close()
  })

  it('asks for key and secret where only the operator opens rooms', async () => {
    const closed = await startTutti(['--dev', '--create-rooms', 'key'])
    try {
      const page = await browser.page()
      await page.goto(closed.url)
      await eventually('the page knows that a key is needed', async () => {
        await page.getByRole('button', { name: /^Start a show/ }).click()
        if (await page.getByLabel('API key').isVisible()) return true
        await page.keyboard.press('Escape')
        return false
      })
      await page.getByLabel('API key').fill('devkey')
      await page.getByLabel('API secret').fill('wrong')
      await page.getByRole('button', { name: 'Prepare the show' }).click()
      await page.getByText('Key or secret is wrong.').waitFor()
      await page.getByLabel('API secret').fill('secret')
      await page.getByRole('button', { name: 'Prepare the show' }).click()
      await page.getByLabel('Your name').waitFor()
      await page.goto(closed.url)
      await page.getByRole('button', { name: /^Call someone/ }).click()
      await page.getByRole('button', { name: 'Create the call' }).click()
      await page.getByRole('button', { name: 'Start the call' }).waitFor()
      await page.close()
    } finally {
      await closed.close()
    }
  })

  it('asks whoever has no invitation for one', async () => {
    const room = await tutti.createRoom({ title: 'By link' })
    const page = await browser.page()
    await page.addInitScript(() => {
      window.asked = 0
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
      navigator.mediaDevices.getUserMedia = (wish) => {
        window.asked++
        return ask(wish)
      }
    })
    await page.goto(`${tutti.url}/r/nobody-made-this`)
    await page.getByRole('heading', { name: 'There is no such room' }).waitFor()
    await page.goto(`${tutti.url}/r/${room.room}`)
    await page.getByRole('heading', { name: 'You need an invitation' }).waitFor()
    await page.goto(`${tutti.url}/r/${room.room}#k=wrong`)
    await page.getByRole('heading', { name: 'This link does not open the room' }).waitFor()
    await page.goto(`${tutti.url}/r/${room.room}#k=${room.keys.watch}`)
    await page.getByRole('heading', { name: 'This link does not open the room' }).waitFor()
    assert.equal(await page.evaluate(() => window.asked), 0, 'nobody is asked for a camera at a closed door')
    await page.goto(`${tutti.url}/r/${room.room}#k=${room.keys.guest}`)
    await page.getByRole('button', { name: 'Join', exact: true }).waitFor()
    await page.goto(`${tutti.url}/r/${room.room}#k=${room.keys.host}`)
    await page.getByRole('button', { name: 'Join as host' }).waitFor()
    await page.close()
  })

  it('keeps a show that is not public from strangers', async () => {
    const room = await tutti.createRoom({ publicWatch: false })
    const stranger = await watch(browser, `${tutti.url}/w/${room.room}`)
    await stranger.page.getByRole('heading', { name: 'This show is not public' }).waitFor()
    await stranger.leave()
    // What is given on is good for watching and no more, also from a host.
    for (const key of [room.keys.watch, room.keys.host]) {
      const friend = await watch(browser, `${tutti.url}/w/${room.room}#k=${key}`)
      await friend.page.getByRole('heading', { name: 'Not started yet' }).waitFor()
      await friend.page.getByRole('button', { name: 'Share', exact: true }).click()
      const link = friend.page.getByRole('dialog').getByRole('textbox')
      await eventually('it has the key to watch', async () => (await link.inputValue()).endsWith(`/w/${room.room}#k=${room.keys.watch}`))
      await eventually('so has the address', () => friend.page.url().endsWith(`/w/${room.room}#k=${room.keys.watch}`))
      // A host who loads the page again still is one, who asks for the keys.
      if (key === room.keys.host) await Promise.all([friend.page.waitForRequest(/\/keys$/), friend.page.reload()])
      await friend.leave()
    }
  })

  it('says that a room is full', async () => {
    const small = await startTutti(['--max-participants', '1'])
    try {
      const room = await small.createRoom({ title: 'For one' })
      const ada = await join(browser, `${small.url}/r/${room.room}#k=${room.keys.host}`, 'Ada', { colour: colours.red, tone: 440 })
      const page = await browser.page()
      await page.goto(`${small.url}/r/${room.room}#k=${room.keys.guest}`)
      await page.evaluate(() => localStorage.clear())
      await page.reload()
      await page.getByLabel('Your name').fill('Bo')
      await page.getByRole('button', { name: 'Join', exact: true }).click()
      await page.getByRole('heading', { name: 'The room is full' }).waitFor()
      await ada.leave()
      await page.close()
    } finally {
      await small.close()
    }
  })

  it('says of a link to a room that was deleted and made anew that it does not open it', async () => {
    const name = `anew-${Date.now()}`
    const old = await tutti.createRoom({ name, publicWatch: false })
    const friend = await watch(browser, `${tutti.url}/w/${name}#k=${old.keys.watch}`)
    await friend.page.getByRole('heading', { name: 'Not started yet' }).waitFor()
    const gone = await fetch(`${tutti.url}/api/rooms/${name}`, { method: 'DELETE', headers: { 'X-Tutti-Key': old.keys.host } })
    assert.ok(gone.ok, `${gone.status}`)
    await tutti.createRoom({ name, publicWatch: false })
    await friend.page.reload()
    await friend.page.getByRole('heading', { name: 'This show is not public' }).waitFor()
    await friend.leave()
    const page = await browser.page()
    for (const key of [old.keys.guest, old.keys.host]) {
      await page.goto(`${tutti.url}/r/${name}#k=${key}`)
      await page.reload()
      await page.getByRole('heading', { name: 'This link does not open the room' }).waitFor()
    }
    await page.close()
  })

  it('gives the place to whoever opens a room a second time', async () => {
    const room = await tutti.createRoom({ title: 'Twice' })
    const link = `${tutti.url}/r/${room.room}#k=${room.keys.guest}`
    const signal = { colour: colours.red, tone: 440 }
    const first = await join(browser, link, 'Ada', signal)
    const second = await join(browser, link, 'Ada', signal)
    await first.page.getByRole('heading', { name: 'Opened somewhere else' }).waitFor()
    await first.leave()
    await second.leave()
  })

  it('says what to do when camera and microphone are refused, and lets people listen', async () => {
    const refusing = await openBrowser({ devices: false })
    try {
      const room = await tutti.createRoom({ title: 'Listening', access: 'open' })
      const page = await refusing.page()
      await page.addInitScript(() => {
        localStorage.setItem('tutti.language', 'en')
        navigator.mediaDevices.getUserMedia = async () => {
          throw new DOMException('refused', 'NotAllowedError')
        }
      })
      await page.goto(`${tutti.url}/r/${room.room}`)
      await page.getByText('The browser may not use your camera or microphone.').waitFor()
      await page.getByText('Allow both at the left of the address bar, then try again.').waitFor()
      await page.getByLabel('Your name').fill('Lis')
      await page.getByRole('button', { name: 'Join without camera and microphone' }).click()
      await page.waitForSelector('.room[data-phase=connected]')
    } finally {
      await refusing.close()
    }
  })

  it('speaks the language of the browser, and the other one at a click', async () => {
    const chinese = await openBrowser({ devices: false, options: { locale: 'zh-CN' } })
    try {
      const page = await chinese.page()
      await page.goto(tutti.url)
      await page.getByRole('heading', { name: '进房间聊，让所有人看。' }).waitFor()
      assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN')
      await page.getByRole('button', { name: 'English' }).click()
      await page.getByRole('heading', { name: 'Talk in a room. Let everyone watch.' }).waitFor()
      await page.reload()
      await page.getByRole('heading', { name: 'Talk in a room. Let everyone watch.' }).waitFor()
    } finally {
      await chinese.close()
    }
  })
})

describe('the console', { timeout: 1_800_000 }, () => {
  let tutti, browser
  // An application that takes no event until it does.
  const heard = []
  let takes = false
  const application = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      heard.push(JSON.parse(body).id)
      response.writeHead(takes ? 204 : 400).end()
    })
  })
  before(async () => {
    await new Promise((resolve) => application.listen(0, '127.0.0.1', resolve))
    tutti = await startTutti(['--dev', '--webhook', `http://127.0.0.1:${application.address().port}/hook`])
    browser = await openBrowser()
  })
  after(async () => {
    await browser?.close()
    await tutti?.close()
    application.close()
  })

  /** What an operator wants to know of who sends, and of who comes to see it. */
  async function findsPeople(page, detail, room) {
    const other = await openPeople([{}])
    try {
      await join(other.people[0], `${tutti.url}/r/${room.room}#k=${room.keys.guest}`, 'Bo', undefined, { listen: true })
      const list = detail.getByRole('list', { name: 'People', exact: true })
      await list.getByRole('button', { name: /Bo/ }).click()
      const person = (name) => page.getByRole('region', { name, exact: true })
      const tile = (name) => person('Bo').locator('dl div', { has: page.getByText(name, { exact: true }) }).locator('dd')
      await person('Bo').getByText(/Came .*connected in \d+ ms/).waitFor()
      for (const [name, says] of [['Path', /UDP/], ['The way carries', /bit\/s/], ['Lost to here', /%/], ['Freezes', /^\d/]]) {
        await eventually(`${name} of Bo`, async () => says.test(await tile(name).innerText()))
      }
      await person('Bo').getByRole('row', { name: /Ada.*Flows/ }).first().waitFor()
      for (const what of ['Came in', 'Connected']) await person('Bo').locator('ol').getByText(what, { exact: true }).waitFor()
      await page.getByRole('button', { name: 'Back to the room' }).click()
      await list.getByRole('button', { name: /Ada/ }).click()
      await person('Ada').getByRole('row', { name: /360.*bit\/s/ }).first().waitFor()
      await person('Ada').locator('ol').getByText('Began to send').first().waitFor()
      await page.getByRole('button', { name: 'Back to the room' }).click()
    } finally {
      await other.close()
    }
  }

  it('asks for key and secret, shows rooms and viewers, and takes a show off the air after asking', async () => {
    const room = await tutti.createRoom({ title: 'Watched over' })
    const ada = await join(browser, `${tutti.url}/r/${room.room}#k=${room.keys.host}`, 'Ada', { colour: colours.red, tone: 440 })
    await ada.page.getByRole('button', { name: 'Go live' }).click()
    await ada.page.getByRole('button', { name: 'Start', exact: true }).click()
    await ada.page.getByRole('button', { name: /LIVE/ }).waitFor()

    const page = await browser.page()
    await page.goto(`${tutti.url}/console`)
    await page.getByText('the key is devkey').waitFor()
    await page.getByLabel('API key').fill('devkey')
    await page.getByLabel('API secret').fill('wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('Key or secret is wrong.').waitFor()
    await page.getByLabel('API secret').fill('secret')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('button', { name: /Watched over.*Live/ }).click()
    const detail = page.getByRole('region', { name: /Details: Watched over/ })
    await detail.getByText(/H\.264 · 640×360/).waitFor()
    await detail.locator('canvas').first().waitFor()
    await findsPeople(page, detail, room)
    await detail.getByRole('button', { name: 'Take off the air' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Take off the air' }).click()
    await ada.page.getByRole('button', { name: 'Go live' }).waitFor()
    await eventually('the room is off the air', async () => (await tutti.live(room.room)) === undefined)
    await ada.leave()
    await page.close()
  })

  it('shows what applications were told, why it was not taken, and tells them once more', async () => {
    takes = false
    const { room, keys } = await tutti.createRoom({ title: 'Told of' })
    const ada = await join(browser, `${tutti.url}/r/${room}#k=${keys.host}`, 'Ada', { colour: colours.red, tone: 440 })
    const live = await fetch(`${tutti.url}/api/rooms/${room}/live`, { method: 'POST', headers: { 'X-Tutti-Key': keys.host }, body: '{}' })
    assert.equal(live.status, 200)
    const page = await browser.page()
    await page.goto(`${tutti.url}/console`)
    await page.getByLabel('API key').fill('devkey')
    await page.getByLabel('API secret').fill('secret')
    await page.getByRole('button', { name: 'Sign in' }).click()
    const told = page.getByRole('region', { name: 'Webhooks' })
    const row = told.getByRole('listitem').filter({ hasText: 'room_live_started' }).filter({ hasText: room })
    const showAll = told.getByRole('button', { name: /^Show all/ })
    const givenUp = told.getByRole('checkbox', { name: /Only what was given up/ })
    await row.or(showAll).first().waitFor()
    if (await showAll.isVisible()) await showAll.click()
    await row.getByText('given up').waitFor()
    await givenUp.check()
    await row.getByText('the application answered 400', { exact: true }).waitFor()
    await row.getByText('What was sent').click()
    const { event, id } = JSON.parse(await row.locator('pre').innerText())
    assert.equal(event, 'room_live_started')
    takes = true
    await row.getByRole('button', { name: /^Send again: room_live_started/ }).click()
    await page.getByText('The application has taken it.').waitFor()
    await row.waitFor({ state: 'detached' })
    // With the last of them taken the choice is still there to be taken back.
    const again = told.getByRole('button', { name: /^Send again/ })
    for (let left = await again.count(); left > 0; left--) {
      await again.first().click()
      await eventually(`${left - 1} are left`, async () => (await again.count()) < left)
    }
    await told.getByText('Nothing is given up any more.').waitFor()
    await givenUp.click() // and is gone with that
    await row.getByText(/^taken ·/).waitFor()
    assert.equal(heard.filter((one) => one === id).length, 2, 'the same event came twice')
    await page.close()
    await ada.leave()
  })
})
