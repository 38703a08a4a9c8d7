import { codeOf, ApiError } from '../api/client'
import { cameraConstraints, microphoneConstraints, problemBefore, problemOf, surroundings } from '../media/devices'
import { off } from '../media/preview.svelte'
import { recall } from '../remember'
import { askDoor, readDoor, relaysOf, stunIsRelay, stunServersOf, type Door, type Relay } from './door'
import { judgeBandwidth, judgePicture, judgeQuality, judgeSound, judgeStun, judgeWay, natOf, portTrouble, relayTrouble } from './judge'
import { askStun, connectThroughRelay, connectToServer, measure } from './peers'
import { fail, isOver, nothingYet, notOffered, ok, skipped, stepIds, warn, type Nat, type Results, type StepId, type StepResult } from './results'
import { download, httpRoundTrip, socketRoundTrip, upload } from './transfers'
import { listen, lookAt } from './watch'

/** A connectivity test as the page sees it. The run is one, made-up ones for screenshots are others. */
export interface CheckView {
  readonly phase: 'idle' | 'running' | 'done' | 'cancelled'
  readonly results: Results
  /** The camera's picture while it is tested. */
  readonly camera: MediaStreamTrack | undefined
  /** What the microphone hears while it is tested, 0 to 1. */
  readonly level: number

  start(withDevices: boolean): void
  /** Goes on without the rest of a device's step. */
  skip(id: 'camera' | 'microphone'): void
  cancel(): void
}

const maxRelays = 3
const patience = 10_000

/** Runs the tests. It owns devices and connections while it runs; `cancel` ends them. */
export class CheckRun implements CheckView {
  phase = $state<CheckView['phase']>('idle')
  results = $state.raw<Results>(nothingYet())
  camera = $state.raw<MediaStreamTrack>()
  level = $state(0)

  #run = new AbortController()
  #devices = new Map<StepId, AbortController>()

  start(withDevices: boolean) {
    this.#run.abort()
    this.#run = new AbortController()
    this.results = nothingYet()
    this.phase = 'running'
    const { signal } = this.#run
    this.#all(withDevices, signal).then(
      () => {
        if (!signal.aborted) this.phase = 'done'
      },
      // Only a cancelled run gets here; `cancel` has said so.
      () => {},
    )
  }

  skip(id: 'camera' | 'microphone') {
    this.#devices.get(id)?.abort()
  }

  cancel() {
    this.#run.abort()
    if (this.phase !== 'running') return
    this.phase = 'cancelled'
    for (const id of stepIds) if (!isOver(this.results[id])) this.#set(id, skipped())
  }

  #set(id: StepId, result: StepResult) {
    this.results = { ...this.results, [id]: result }
  }

  /** Runs a step and keeps its result. What a step throws is the server's refusal or a broken connection to it. */
  async #step(id: StepId, signal: AbortSignal, run: () => Promise<StepResult>): Promise<StepResult> {
    signal.throwIfAborted()
    this.#set(id, { state: 'running', figures: {} })
    let result: StepResult
    try {
      result = await run()
    } catch (error) {
      signal.throwIfAborted()
      result = refusalOf(error)
    }
    signal.throwIfAborted()
    this.#set(id, result)
    return result
  }

  #rest(result: StepResult, ids: readonly StepId[]) {
    for (const id of ids) if (!isOver(this.results[id])) this.#set(id, result)
  }

  async #all(withDevices: boolean, signal: AbortSignal) {
    const before = problemBefore(surroundings())
    this.#set('browser', before === 'insecure' ? warn(before) : before ? fail(before) : ok())
    if (before && before !== 'insecure') return this.#rest(skipped(), stepIds)
    const devices = before || !withDevices ? this.#rest(skipped(before), ['camera', 'microphone']) : this.#testDevices(signal)
    await this.#testNetwork(signal)
    await devices
  }

  async #testNetwork(signal: AbortSignal) {
    const network = stepIds.slice(stepIds.indexOf('http'))
    const http = await this.#step('http', signal, async () => judgeWay(await httpRoundTrip(AbortSignal.any([signal, AbortSignal.timeout(patience)]))))
    if (http.state === 'fail') return this.#rest(http.trouble === 'noDoor' ? fail('noDoor') : skipped(), network)
    await this.#step('websocket', signal, async () => {
      const roundTrip = await socketRoundTrip(signal)
      return roundTrip === undefined ? fail('wsBlocked') : judgeWay(roundTrip)
    })
    let door: Door
    try {
      door = readDoor(await (await askDoor('/probe/ice', {}, signal)).json())
    } catch (error) {
      signal.throwIfAborted()
      return this.#rest(refusalOf(error), network)
    }

    let nat: Nat | undefined
    const udp = door.webrtc.udp === 0 ? this.#set('rtcUdp', notOffered()) : this.#step('rtcUdp', signal, async () => {
      const tested = await this.#testPort('udp', stunServersOf(door), signal)
      nat = tested.nat
      return tested.result
    })
    const tcp = door.webrtc.tcp === 0 ? this.#set('rtcTcp', notOffered()) : this.#step('rtcTcp', signal, async () => (await this.#testPort('tcp', [], signal)).result)
    const stun = stunServersOf(door).length === 0 ? this.#set('stun', notOffered()) : this.#step('stun', signal, async () => {
      const { candidates, errors, complete } = await askStun(stunServersOf(door), signal)
      return judgeStun(candidates, errors, complete)
    })
    await Promise.all([udp, tcp, stun])
    if (nat && this.results.stun.state === 'ok') {
      const figures = { ...this.results.stun.figures, nat }
      this.#set('stun', nat === 'symmetric' ? warn('symmetric', figures) : ok(figures))
    }

    for (const kind of ['turnUdp', 'turnTcp', 'turnTls'] as const) {
      const servers = relaysOf(door, kind).slice(0, maxRelays)
      if (servers.length === 0) this.#set(kind, notOffered())
      else await this.#step(kind, signal, () => this.#testRelays(kind, servers, signal))
    }
    // One of several interfaces without a way to the STUN server is an error to the browser, though the others have one.
    if (this.results.stun.trouble === 'stunBlocked' && this.results.turnUdp.state === 'ok' && stunIsRelay(door)) this.#set('stun', ok({ nat: 'none' }))

    const udpWorks = ['ok', 'warn'].includes(this.results.rtcUdp.state)
    if (!udpWorks) this.#set('quality', door.webrtc.udp === 0 ? notOffered() : skipped('needsUdp'))
    else await this.#step('quality', signal, () => this.#testQuality(signal))
    await this.#step('down', signal, async () => judgeBandwidth(await download(signal)))
    await this.#step('up', signal, async () => judgeBandwidth(await upload(signal)))
  }

  async #testPort(transport: 'udp' | 'tcp', stunServers: RTCIceServer[], signal: AbortSignal): Promise<{ result: StepResult; nat?: Nat | undefined }> {
    const blocked = fail(portTrouble(transport, location.hostname))
    const way = await connectToServer(transport, stunServers, signal)
    if (!way) return { result: blocked }
    try {
      const { roundTrip } = await measure(way.channel, { count: 12, everyMilliseconds: 50, size: 64 }, signal)
      return { result: roundTrip === undefined ? blocked : judgeWay(roundTrip), nat: natOf(way.candidates, await way.used()) }
    } finally {
      way.close()
    }
  }

  async #testRelays(kind: Relay, servers: RTCIceServer[], signal: AbortSignal): Promise<StepResult> {
    let result = fail('relayDead')
    for (const server of servers) {
      const { way, errors, relay } = await connectThroughRelay(server, signal)
      if (way) {
        try {
          const { roundTrip } = await measure(way.channel, { count: 12, everyMilliseconds: 50, size: 64 }, signal)
          if (roundTrip !== undefined) return judgeWay(roundTrip)
        } finally {
          way.close()
        }
      }
      result = fail(relay ? 'relayDead' : relayTrouble(errors, kind === 'turnTls'))
    }
    return result
  }

  async #testQuality(signal: AbortSignal): Promise<StepResult> {
    const way = await connectToServer('udp', [], signal)
    if (!way) return skipped('needsUdp')
    try {
      // As sound is sent: 50 packets a second, for five seconds.
      return judgeQuality(await measure(way.channel, { count: 250, everyMilliseconds: 20, size: 160 }, signal))
    } finally {
      way.close()
    }
  }

  async #testDevices(signal: AbortSignal) {
    await this.#testDevice('camera', { video: cameraConstraints(remembered('camera')) }, signal, async (track, until) => {
      this.camera = track
      try {
        const look = await lookAt(track, 2500, until)
        return judgePicture({ label: track.label, width: look.width, height: look.height, fps: look.fps }, look.brightness, look.change)
      } finally {
        this.camera = undefined
      }
    })
    await this.#testDevice('microphone', { audio: microphoneConstraints(remembered('microphone')) }, signal, async (track, until) => {
      try {
        return judgeSound({ label: track.label, level: await listen(track, 5000, (level) => (this.level = level), until) })
      } finally {
        this.level = 0
      }
    })
  }

  async #testDevice(
    id: 'camera' | 'microphone', wish: MediaStreamConstraints, signal: AbortSignal, test: (track: MediaStreamTrack, until: AbortSignal) => Promise<StepResult>,
  ) {
    const skip = new AbortController()
    this.#devices.set(id, skip)
    const until = AbortSignal.any([signal, skip.signal])
    const given = new Promise<never>((_, reject) => until.addEventListener('abort', () => reject(until.reason), { once: true }))
    given.catch(() => {})
    await this.#step(id, signal, async () => {
      let track: MediaStreamTrack | undefined
      // The browser's question cannot be taken back: what is answered after the step's end is ended at once.
      const asked = navigator.mediaDevices.getUserMedia(wish).then((stream) => {
        const got = stream.getTracks()[0]!
        if (until.aborted) got.stop()
        else track = got
        return got
      })
      try {
        return await Promise.race([asked.then((got) => test(got, until)), given])
      } catch (error) {
        return until.aborted ? skipped() : fail(problemOf(error))
      } finally {
        track?.stop()
      }
    })
  }
}

/** The device that calls use. A remembered "off" is a choice for calls, not for tests. */
function remembered(kind: 'camera' | 'microphone'): string {
  const id = recall(kind)
  return id === off ? '' : id
}

/** What it means for a step that the server refused, or did not answer. */
function refusalOf(error: unknown): StepResult {
  if (!(error instanceof ApiError)) return fail('unreachable')
  switch (codeOf(error)) {
    case 'not_found':
      return fail('noDoor')
    case 'rate_limited':
    case 'full':
    case 'unavailable':
      return skipped('busyServer')
    default:
      return fail('broken')
  }
}
