// What pages say while something is gone, and that they come back by themselves: the network of a viewer or of the host, the server without a word, a
// camera that another program has, room on the disk.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { openPeople } from '../lib/browser.mjs'
import { layCable } from '../lib/cable.mjs'
import { lossyWay, takePort } from '../lib/loss.mjs'
import { alike, assertClock, eventually, join, watch } from '../lib/people.mjs'
import { colours } from '../lib/signal.mjs'
import { startTutti } from '../lib/tutti.mjs'

const signal = (colour, tone) => ({ colour: colours[colour], tone, width: 320, height: 180, rate: 8 })

describe('pages that lose something', { timeout: 1_800_000 }, () => {
  let tutti, cable, adasCable, adasMedia, browser, room, ada, mei, disk, mounted, desk
  const writes = () => mei.page.getByRole('textbox', { name: 'Say something…' })

  const diskIsFull = (page) => page.getByText('The server’s disk is full. Whoever runs it has to make room first.').waitFor()
  const row = (page) => page.getByRole('button', { name: /Through thick and thin.*Live/ })

  /** The operator's console. */
  async function operator() {
    if (desk) return desk
    desk = await browser.people[0].page()
    await desk.goto(`${tutti.url}/console`)
    await desk.getByLabel('API key').fill('devkey')
    await desk.getByLabel('API secret').fill('secret')
    await desk.getByRole('button', { name: 'Sign in' }).click()
    await row(desk).waitFor()
    return desk
  }

  before(async () => {
    // A disk of its own, of 8 MB, on which is nothing but recordings.
    disk = mkdtempSync(path(tmpdir(), 'tutti-e2e-disk-'))
    mounted = process.platform === 'linux' && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk]).status === 0
    tutti = await startTutti(['--dev', '--record', 'hosts', '--record-dir', disk, '--record-reserve', '0', '--away-grace', '1m'])
    cable = await layCable(tutti.url)
    adasCable = await layCable(tutti.url)
    adasMedia = await lossyWay(tutti.rtc)
    browser = await openPeople([{}, { viewport: { width: 1280, height: 720 } }])
    room = await tutti.createRoom({ title: 'Through thick and thin', scene: 'show' })
    ada = await join(browser.people[0], `${adasCable.url}/r/${room.room}#k=${room.keys.host}`, 'Ada', signal('red', 440), {
      scripts: [[takePort, { server: tutti.rtc, instead: adasMedia.port }]],
    })
    await eventually('Ada is seen', () => ada.sees('Ada'))
    const live = await fetch(`${tutti.url}/api/rooms/${room.room}/live`, { method: 'POST', headers: { 'X-Tutti-Key': room.keys.host }, body: '{}' })
    assert.ok(live.ok)
    mei = await watch(browser.people[1], `${cable.url}/w/${room.room}`, 'flv', { name: 'Mei' })
    await mei.plays()
    await eventually('Mei may write', () => writes().isEnabled())
  })
  after(async () => {
    await browser?.close()
    await cable?.close()
    await adasCable?.close()
    adasMedia?.close()
    await tutti?.close()
    // What still has a file open there keeps it mounted, and nothing of it is left on the real disk; where nothing was mounted, recordings are.
    if (mounted) spawnSync('umount', ['--lazy', disk])
    try {
      rmSync(disk, { recursive: true })
    } catch {
      // It lies where the system clears up.
    }
  })

  it('tell a viewer that the network has fallen silent, and play on when it is back', async () => {
    cable.pull() // nothing tells the page: it misses pictures, and signs of life from the room
    await mei.page.getByText('The connection broke off. Reconnecting…').waitFor()
    await eventually('Mei cannot write', () => writes().isDisabled())
    cable.plug()
    await mei.plays('')
    await eventually('Mei may write', () => writes().isEnabled())
  })

  it('tell a host that the network is gone, whose seat is kept while the show goes on, and who is seen again when it is back', async () => {
    const host = async () => (await (await fetch(`${tutti.url}/api/rooms/${room.room}/stage`, { headers: { 'X-Tutti-Key': room.keys.host } })).json()).host
    const before = await host()
    assert.equal(before.name, 'Ada')
    adasCable.pull()
    adasMedia.cut = true
    await ada.page.getByText(/^Reconnecting; giving up in \d+ s$/).waitFor()
    assert.equal((await host()).identity, before.identity, 'the seat is kept')
    assert.ok(await tutti.live(room.room), 'the show goes on')
    await mei.plays()
    assert.ok(alike((await mei.sees()).colour, colours.red), 'the last picture is held')
    adasMedia.cut = false
    adasCable.plug()
    await ada.page.waitForSelector('.room[data-phase=connected]')
    await eventually('the host is back', async () => (await host()).connected)
    assert.equal((await host()).identity, before.identity)
    await assertClock('Mei', () => mei.sees(), colours.red)
    await mei.plays()
  })

  it('tell a host and the operator that the server has no room to record, and record when there is', async (t) => {
    if (!mounted) return t.skip('no disk of its own can be mounted here')
    await ada.page.bringToFront()
    await ada.page.getByRole('button', { name: 'More', exact: true }).click()
    await ada.page.getByRole('menuitem', { name: 'Recording and streams' }).click()
    const panel = ada.page.getByRole('complementary', { name: 'Recording and streams' })
    const full = path(disk, 'full')
    writeFileSync(full, Buffer.alloc(7.5 * 2 ** 20))
    await panel.getByRole('button', { name: 'Record', exact: true }).click()
    await diskIsFull(ada.page)
    const console = await operator()
    await row(console).click()
    await console.getByRole('region', { name: /Details: Through thick and thin/ }).getByRole('button', { name: 'Record', exact: true }).click()
    await diskIsFull(console)
    await ada.page.bringToFront()
    rmSync(full)
    await panel.getByRole('button', { name: 'Record', exact: true }).click()
    await panel.getByRole('button', { name: 'Stop recording' }).click()
    await panel.getByRole('button', { name: 'Record', exact: true }).waitFor()
    await ada.page.keyboard.press('Escape')
  })

  it('tell a host that the server is gone, and viewers, and the operator, and go on with it', async () => {
    const console = await operator()
    await ada.page.bringToFront()

    await tutti.kill()
    await ada.page.getByText(/^Reconnecting; giving up in \d+ s$/).waitFor()
    await mei.page.getByText('The connection broke off. Reconnecting…').waitFor()
    await console.bringToFront()
    await console.getByText('The server does not answer; the numbers are old.').waitFor()

    await tutti.start()
    await console.getByText('The server does not answer; the numbers are old.').waitFor({ state: 'detached' })
    await ada.page.bringToFront()
    await ada.page.waitForSelector('.room[data-phase=connected]')
    await ada.page.getByRole('button', { name: /LIVE/ }).waitFor()
    await mei.plays('')
    await eventually('Mei may write', () => writes().isEnabled())
    await writes().fill('there you are')
    await mei.page.keyboard.press('Enter')
    await ada.press('c')
    await ada.page.locator('[data-message]', { hasText: 'there you are' }).waitFor()
    await console.close()
  })

  it('tell that another program has the camera, and take it when it is free', async () => {
    const page = await browser.people[1].page()
    await page.addInitScript(() => {
      localStorage.setItem('tutti.language', 'zh')
      window.taken = true
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
      navigator.mediaDevices.getUserMedia = async (wish) => {
        if (wish.video && window.taken) throw new DOMException('in use', 'NotReadableError')
        return ask(wish)
      }
    })
    const { room, keys } = await tutti.createRoom({ title: 'Face to face' })
    await page.goto(`${tutti.url}/r/${room}#k=${keys.guest}`)
    await page.getByText('摄像头用不了，别人仍能听到你。').waitFor()
    await page.getByText('关掉那个程序，然后重试。').waitFor()
    await page.evaluate(() => (window.taken = false))
    await page.getByRole('button', { name: '重试' }).click()
    await page.getByText('摄像头用不了，别人仍能听到你。').waitFor({ state: 'detached' })
    await page.locator('.preview video').waitFor()
    await page.close()
    for (const who of [ada, mei]) assert.deepEqual(who.page.complaints, [])
  })
})
