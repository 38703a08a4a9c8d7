// An application directs a room over the room service, and livekit-client in a browser follows.
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { after, afterEach, before, describe, it } from 'node:test'
import { openBrowser } from '../lib/browser.mjs'
import { eventually } from '../lib/people.mjs'
import { serveStatic } from '../lib/static.mjs'
import { startTutti } from '../lib/tutti.mjs'
import { token } from '../lib/token.mjs'

describe('moderation', { timeout: 1_800_000 }, () => {
  let tutti, pages, browser
  let people = []
  let room = 'hall-0'

  before(async () => {
    tutti = await startTutti()
    pages = await serveStatic(fileURLToPath(new URL('..', import.meta.url)), { policy: false })
    browser = await openBrowser()
  })
  afterEach(async () => {
    for (const page of people) await page.close()
    people = []
    room = `hall-${Number(room.slice(5)) + 1}`
  })
  after(async () => {
    await browser?.close()
    await pages?.close()
    await tutti?.close()
  })

  /** Calls a method of the room service. */
  async function call(method, body) {
    const { key, secret } = tutti.keys()
    const answer = await fetch(`${tutti.url}/twirp/livekit.RoomService/${method}`, {
      method: 'POST', body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json', Authorization: `Basic ${Buffer.from(`${key}:${secret}`).toString('base64')}` },
    })
    assert.equal(answer.status, 200, `${method}: ${answer.status}`)
    return answer.json()
  }

  async function open(identity, grant) {
    const page = await browser.page()
    people.push(page)
    await page.goto(`${pages.url}/pages/sdk.html`)
    await page.evaluate(() => window.load('livekit-client'))
    const wish = {
      url: tutti.url.replace(/^http/, 'ws'), token: token({ keys: tutti.keys(), room, identity, grant }), library: 'livekit-client',
    }
    return { page, join: () => page.evaluate((w) => window.join(w), wish) }
  }

  async function join(identity, grant) {
    const { page, join } = await open(identity, grant)
    await join()
    return page
  }

  const sees = (page, identity) => page.evaluate((who) => window.remotes().includes(who), identity)
  const kinds = (page) => page.evaluate(() => [...room.remoteParticipants.values()].flatMap((p) => [...p.trackPublications.values()].filter((t) => t.track).map((t) => t.kind)).sort().join())
  const own = (page) => page.evaluate(() => [...room.localParticipant.trackPublications.values()].map((t) => t.kind).sort().join())

  it('permissions change while people talk', async () => {
    const [ada, bo] = [await join('ada'), await join('bo')]
    await ada.evaluate(() => window.publish())
    await eventually('bo has picture and sound', async () => (await kinds(bo)) === 'audio,video')
    await call('UpdateParticipant', { room, identity: 'ada', permission: { can_subscribe: true, can_publish: true, can_publish_sources: ['MICROPHONE'] } })
    await eventually('bo has only sound', async () => (await kinds(bo)) === 'audio')
    await eventually('ada knows', async () => (await own(ada)) === 'audio')
    assert.deepEqual(await ada.evaluate(() => [room.localParticipant.permissions.canPublishData, room.localParticipant.permissions.canPublishSources.length]), [false, 1])
    assert.equal(await ada.evaluate(() => happened.includes('participantPermissionsChanged')), true)
    await call('UpdateParticipant', { room, identity: 'bo', permission: { can_publish: true } })
    await eventually('bo has nothing', async () => (await kinds(bo)) === '')
    await call('UpdateParticipant', { room, identity: 'bo', permission: { can_subscribe: true } })
    await eventually('bo has sound again', async () => (await kinds(bo)) === 'audio')
  })

  it('hidden people are there for nobody, until they are shown', async () => {
    const ada = await join('ada')
    await ada.evaluate(() => window.publish({ video: false }))
    const ghost = await join('ghost', { hidden: true })
    await eventually('the ghost hears', async () => (await kinds(ghost)) === 'audio')
    assert.equal(await sees(ada, 'ghost'), false)
    assert.equal((await call('ListRooms', { names: [room] })).rooms[0].num_participants, 1)
    assert.equal((await call('ListParticipants', { room })).participants.length, 2)
    await call('UpdateParticipant', { room, identity: 'ghost', permission: { can_subscribe: true, can_publish: true } })
    await eventually('ada sees the ghost', () => sees(ada, 'ghost'))
    await call('UpdateParticipant', { room, identity: 'ghost', permission: { can_subscribe: true, hidden: true } })
    await eventually('ada sees it no more', async () => !(await sees(ada, 'ghost')))
  })

  it('muting, messages, calls, metadata, subscriptions', async () => {
    const [ada, bo] = [await join('ada'), await join('bo')]
    await ada.evaluate(() => window.publish({ video: false }))
    await eventually('bo has sound', async () => (await kinds(bo)) === 'audio')
    const sid = await ada.evaluate(() => [...room.localParticipant.trackPublications.values()][0].trackSid)
    await call('MutePublishedTrack', { room, identity: 'ada', track_sid: sid, muted: true })
    await eventually('ada is mute, and knows', () => ada.evaluate(() => !room.localParticipant.isMicrophoneEnabled))
    await call('UpdateSubscriptions', { room, identity: 'bo', track_sids: [sid], subscribe: false })
    await eventually('bo has no sound', async () => (await kinds(bo)) === '')
    await call('UpdateSubscriptions', { room, identity: 'bo', track_sids: [sid], subscribe: true })
    await eventually('bo has sound again', async () => (await kinds(bo)) === 'audio')
    await call('SendData', { room, data: Buffer.from('hello').toString('base64'), topic: 'news' })
    await eventually('both hear', async () => {
      const heard = (page) => page.evaluate(() => received.some((r) => r.text === 'hello' && r.topic === 'news'))
      return (await heard(ada)) && (await heard(bo))
    })
    const { payload } = await call('PerformRpc', { room, destination_identity: 'bo', method: 'greet', payload: 'abc' })
    assert.match(payload, /^hello rpc-\w+, 3$/)
    await call('UpdateRoomMetadata', { room, metadata: 'tonight' })
    await eventually('bo reads it', () => bo.evaluate(() => room.metadata === 'tonight'))
    await call('UpdateParticipant', { room, identity: 'ada', name: 'Ada', metadata: 'm', attributes: { k: 'v' } })
    await eventually('bo reads that too', () => bo.evaluate(() => {
      const ada = room.remoteParticipants.get('ada')
      return ada.name === 'Ada' && ada.metadata === 'm' && ada.attributes.k === 'v'
    }))
  })

  it('a full room, removal, and the end', async () => {
    await call('CreateRoom', { name: room, max_participants: 2 })
    const [ada, bo] = [await join('ada'), await join('bo')]
    const third = await open('cy')
    await assert.rejects(third.join(), /room is full/)
    await call('RemoveParticipant', { room, identity: 'bo' })
    await eventually('bo is out', () => bo.evaluate(() => room.state === 'disconnected'))
    await eventually('ada is alone', async () => !(await sees(ada, 'bo')))
    await third.join()
    await call('DeleteRoom', { room })
    await eventually('all are out', async () => (await ada.evaluate(() => room.state)) === 'disconnected' && (await third.page.evaluate(() => room.state)) === 'disconnected')
  })
})
