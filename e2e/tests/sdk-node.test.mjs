// LiveKit's native SDK on both signalling paths: what an app on a phone does in a room.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { Native, sdk } from '../lib/native.mjs'
import { eventually } from '../lib/people.mjs'
import { startTutti } from '../lib/tutti.mjs'

const skip = sdk ? false : 'the native SDK has no build for this machine'
/** What somebody's statistics say. */
const received = async (who) => JSON.stringify(await who.room.getRtcStats(), (_, value) => (typeof value === 'bigint' ? Number(value) : value))
const bytes = (text) => new TextEncoder().encode(text)

for (const onePeer of [false, true]) {
  describe(`native SDK, ${onePeer ? 'one connection (v1)' : 'two connections (v0)'}`, { skip, timeout: 1_800_000 }, () => {
    let tutti
    let people = []
    let rooms = 0

    before(async () => {
      tutti = await startTutti(['--dev'], { rtcTcp: true })
    })
    afterEach(async () => {
      await Promise.all(people.map((p) => p.leave()))
      people = []
    })
    after(async () => {
      await tutti?.close()
    })

    async function join(identity, options, grant) {
      const who = await Native.join({ url: tutti.url, keys: tutti.keys(), room: `hall-${rooms}`, identity, onePeer, options, grant })
      people.push(who)
      return who
    }

    async function two(options) {
      rooms++
      const [ada, bo] = [await join('ada', options), await join('bo', options)]
      await eventually('both see each other', () => ada.room.remoteParticipants.has('bo') && bo.room.remoteParticipants.has('ada'))
      return [ada, bo]
    }

    /** Somebody sees a picture that changes, and hears a tone, from now on. */
    async function assertFlow(who) {
      who.received.forget()
      await eventually('the picture changes', () => who.received.frames > 20 && who.received.brightness.size > 3)
      await eventually('the tone is heard', () => who.received.sounds > 30)
    }

    it('carries picture and sound both ways, and unpublishes', async () => {
      const [ada, bo] = await two()
      await Promise.all([ada, bo].flatMap((p) => [p.publishPicture(), p.publishTone()]))
      await assertFlow(ada)
      await assertFlow(bo)
      const publication = [...ada.me.trackPublications.values()].find((p) => p.name === 'tone')
      await eventually('the publisher learns of its subscriber', () => ada.count('localTrackSubscribed') >= 2)
      await ada.me.unpublishTrack(publication.sid)
      await eventually('it is gone', () => bo.count('trackUnpublished') === 1 && bo.count('trackUnsubscribed') === 1)
      bo.received.forget()
      await eventually('the picture goes on', () => bo.received.frames > 20)
    })

    for (const codec of ['VP8', 'H264', 'VP9', 'AV1']) {
      it(`carries ${codec}`, async () => {
        const [ada, bo] = await two()
        await ada.publishPicture({ videoCodec: sdk.VideoCodec[codec], simulcast: true })
        await eventually('the picture changes', () => bo.received.frames > 20 && bo.received.brightness.size > 3)
        assert.match(await received(bo), new RegExp(`video/${codec}`))
      })
    }

    it('takes a track again that it gave up', async () => {
      const [ada, bo] = await two()
      await ada.publishPicture()
      await eventually('the picture changes', () => bo.received.frames > 20)
      const [publication] = bo.room.remoteParticipants.get('ada').trackPublications.values()
      for (let n = 1; n < 4; n++) {
        publication.setSubscribed(false)
        await eventually('it is given up', () => bo.count('trackUnsubscribed') === n)
        // The SDK does not keep the order of two wishes that it is told at once.
        await new Promise((resolve) => setTimeout(resolve, 500))
        bo.received.forget()
        publication.setSubscribed(true)
        await eventually('it comes again', () => bo.count('trackSubscribed') === n + 1 && bo.received.frames > 5)
      }
    })

    it('carries messages, calls, texts and files', async () => {
      const [ada, bo] = await two()
      bo.me.registerRpcMethod('greet', async (d) => `hello ${d.callerIdentity}, ${d.payload.length}`)
      const call = (payload) => ada.me.performRpc({ destinationIdentity: 'bo', method: 'greet', payload })
      assert.equal(await call('x'), 'hello ada, 1')
      assert.equal(await call('x'.repeat(100_000)), 'hello ada, 100000')
      await assert.rejects(ada.me.performRpc({ destinationIdentity: 'bo', method: 'nothing', payload: '' }), { code: 1400 })

      let text
      let file
      bo.room.registerTextStreamHandler('talk', async (reader) => (text = await reader.readAll()))
      bo.room.registerByteStreamHandler('files', async (reader) => {
        let size = 0
        for await (const chunk of reader) size += chunk.length
        file = { name: reader.info.name, size }
      })
      const long = 'Grüße '.repeat(50_000)
      await ada.me.sendText(long, { topic: 'talk' })
      const writer = await ada.me.streamBytes({ name: 'photo.jpg', topic: 'files' })
      for (let i = 0; i < 30; i++) await writer.write(new Uint8Array(40_000))
      await writer.close()
      await eventually('the text is there', () => text === long)
      await eventually('the file is there', () => file?.size === 1_200_000)
      assert.equal(file.name, 'photo.jpg')

      await ada.me.publishData(bytes('to bo'), { reliable: true, topic: 't', destination_identities: ['bo'] })
      await eventually('the message is there', () => bo.events.some((e) => e.event === 'dataReceived' && e.args[3] === 't' && e.args[1].identity === 'ada'))
      assert.equal(ada.count('dataReceived'), 0)
    })

    it('tells who people are', async () => {
      const [ada, bo] = await two()
      await ada.me.updateName('Ada Lovelace')
      await ada.me.updateMetadata('{"seat":1}')
      await ada.me.setAttributes({ hand: 'up' })
      const seen = () => bo.room.remoteParticipants.get('ada')
      await eventually('all of it is seen', () => seen().name === 'Ada Lovelace' && seen().metadata === '{"seat":1}' && seen().attributes.hand === 'up')
    })

    const scenarios = { SIGNAL_RECONNECT: 'resume', MIGRATION: 'resume', NODE_FAILURE: 'anew', FORCE_TCP: 'anew', FULL_RECONNECT: 'anew', DISCONNECT_SIGNAL_ON_RESUME: 'either' }
    for (const [scenario, how] of Object.entries(scenarios)) {
      it(`survives ${scenario.toLowerCase().replaceAll('_', ' ')}`, async () => {
        const [ada, bo] = await two()
        await Promise.all([ada.publishPicture(), ada.publishTone(), bo.publishTone()])
        await assertFlow(bo)
        await ada.room.simulateScenario(sdk.SimulateScenarioKind[`SIMULATE_${scenario}`])
        await eventually('it reconnects', () => ada.count('reconnected') > 0)
        await assertFlow(bo)
        ada.received.forget()
        await eventually('the other direction flows', () => ada.received.sounds > 10)
        if (how !== 'either') assert.equal(bo.count('participantDisconnected'), how === 'anew' ? 1 : 0)
        await ada.me.publishData(bytes('back'), { reliable: true })
        await eventually('messages come', () => bo.count('dataReceived') > 0)
      })
    }

    const encrypted = (key) => ({ encryption: { keyProviderOptions: { sharedKey: bytes(key) } } })
    async function joinEncrypted(identity, key) {
      const who = await join(identity, encrypted(key))
      who.room.e2eeManager.setEnabled(true)
      return who
    }

    for (const codec of ['H264', 'VP9']) {
      it(`finds keyframes in encrypted ${codec} for those who come late`, async () => {
        rooms++
        const ada = await joinEncrypted('ada', 'right')
        await ada.publishPicture({ videoCodec: sdk.VideoCodec[codec], simulcast: true, width: 1280, height: 720 })
        for (const name of ['bo', 'cy']) {
          const who = await joinEncrypted(name, 'right')
          await eventually('the picture changes', () => who.received.frames > 20 && who.received.brightness.size > 3)
          assert.match(await received(who), new RegExp(`video/${codec}`))
        }
      })
    }

    it('carries what is encrypted end to end, readable for those with the key alone', async () => {
      rooms++
      const [ada, bo, eve] = [await joinEncrypted('ada', 'right'), await joinEncrypted('bo', 'right'), await joinEncrypted('eve', 'wrong')]
      await Promise.all([ada.publishPicture(), ada.publishTone()])
      await assertFlow(bo)
      eve.received.forget() // her decoder may take what comes before it is told that all is encrypted
      await assertFlow(bo)
      assert.equal(eve.received.brightness.size <= 1, true, 'who has another key sees nothing')
      assert.equal(eve.received.sounds, 0, 'who has another key hears nothing')
      await ada.me.publishData(bytes('secret'), { reliable: true })
      await eventually('the message is read', () => bo.events.some((e) => e.event === 'dataReceived' && new TextDecoder().decode(e.args[0]) === 'secret'))
      eve.received.forget() // her decoder may take what comes before it is told that all is encrypted
      await assertFlow(bo)
      assert.equal(eve.received.brightness.size <= 1, true, 'who has another key sees nothing')
      assert.equal(eve.received.sounds, 0, 'who has another key hears nothing')
      assert.equal(eve.events.some((e) => e.event === 'dataReceived' && new TextDecoder().decode(e.args[0]) === 'secret'), false)
    })
  })
}

describe('native SDK, more microphones than are heard', { skip, timeout: 1_800_000 }, () => {
  let tutti
  const people = []
  const join = async (identity) => {
    const who = await Native.join({ url: tutti.url, keys: tutti.keys(), room: 'crowd', identity, onePeer: true })
    people.push(who)
    return who
  }

  before(async () => {
    tutti = await startTutti(['--dev', '--loudest', '2'])
  })
  after(async () => {
    await Promise.all(people.map((p) => p.leave()))
    await tutti?.close()
  })

  it('the loudest come with their redundancy, and who speaks takes the place of who has fallen silent', async () => {
    const voices = []
    for (const name of ['ada', 'bo', 'cy', 'di']) voices.push(await (await join(name)).publishVoice())
    const eve = await join('eve')
    /** The streams that flow for a second, and what each brings in it. */
    const flowing = async () => {
      const before = await eve.soundReceived()
      await new Promise((resolve) => setTimeout(resolve, 1000))
      const now = await eve.soundReceived()
      return Object.entries(now).map(([ssrc, s]) => ({
        ssrc, packets: s.packets - (before[ssrc]?.packets ?? 0), redundant: s.redundant - (before[ssrc]?.redundant ?? 0), lost: s.lost,
      })).filter((s) => s.packets > 0)
    }
    const hears = async (what, speakers) => {
      let streams
      await eventually(what, async () => {
        streams = await flowing()
        return streams.length === speakers && streams.every((s) => s.packets > 35 && s.redundant > 0.9 * s.packets)
      })
      // What one packet repeats of another has come already, unless that was left out.
      assert.deepEqual(streams.map((s) => s.lost), streams.map(() => 0))
      return streams.map((s) => s.ssrc)
    }
    voices[0].speaks = voices[1].speaks = true
    const first = await hears('two are heard', 2)
    voices[1].speaks = false
    voices[2].speaks = true
    let second
    await eventually('another is heard in place of one of them', async () => {
      second = await hears('two are heard again', 2)
      return second.some((ssrc) => !first.includes(ssrc)) && second.some((ssrc) => first.includes(ssrc))
    })
  })
})

if (sdk) after(() => sdk.dispose())
