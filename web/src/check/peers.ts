import { askDoor } from './door'
import { candidateOf, type Candidate } from './judge'
import { echoFigures, type EchoFigures, type Echoes } from './echoes'
import { pause, within } from './wait'

/** How long a connection may take. */
const connectWithin = 10_000

/** A way that sends messages back: a data channel, and how to end it. */
export interface EchoWay {
  channel: RTCDataChannel
  /** What the browser gathered on this side. */
  candidates: Candidate[]
  /** This side's end of the pair in use. */
  used(): Promise<Candidate | undefined>
  close(): void
}

const lossy: RTCDataChannelInit = { ordered: false, maxRetransmits: 0 }

function opened(channel: RTCDataChannel): Promise<boolean> {
  return new Promise((resolve) => {
    channel.onopen = () => resolve(true)
    channel.onclose = channel.onerror = () => resolve(false)
  })
}

/** Collects what a connection gathers; `done` comes at the end of gathering. */
export function gather(pc: RTCPeerConnection): { candidates: Candidate[]; errors: number[]; done: Promise<void> } {
  const candidates: Candidate[] = []
  const errors: number[] = []
  const done = new Promise<void>((resolve) => {
    pc.addEventListener('icecandidate', ({ candidate }) => {
      const read = candidate && candidateOf(candidate.candidate)
      if (read) candidates.push(read)
    })
    pc.addEventListener('icecandidateerror', (event) => errors.push(event.errorCode))
    pc.addEventListener('icegatheringstatechange', () => {
      if (pc.iceGatheringState === 'complete') resolve()
    })
  })
  return { candidates, errors, done }
}

async function localEnd(pc: RTCPeerConnection): Promise<Candidate | undefined> {
  const stats = new Map<string, Record<string, unknown>>()
  ;(await pc.getStats()).forEach((stat, id) => stats.set(id, stat as Record<string, unknown>))
  const pair = [...stats.values()].find((s) => s.type === 'candidate-pair' && s.nominated === true && s.state === 'succeeded')
  const end = pair && stats.get(String(pair.localCandidateId))
  if (!end) return undefined
  return {
    type: String(end.candidateType ?? ''), protocol: String(end.protocol ?? '').toLowerCase(),
    address: typeof end.address === 'string' ? end.address : '', port: typeof end.port === 'number' ? end.port : 0,
  }
}

/**
 * Connects to the server's own media port over one transport. Undefined when no connection comes about in time; rejects when
 * the server refuses.
 */
export async function connectToServer(transport: 'udp' | 'tcp', iceServers: RTCIceServer[], signal: AbortSignal): Promise<EchoWay | undefined> {
  const pc = new RTCPeerConnection({ iceServers })
  const close = () => pc.close()
  try {
    const { candidates } = gather(pc)
    const channel = pc.createDataChannel('echo', lossy)
    const open = opened(channel)
    await pc.setLocalDescription()
    const answer = await askDoor(
      `/probe/rtc?transport=${transport}`,
      { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription!.sdp }, signal,
    )
    await pc.setRemoteDescription({ type: 'answer', sdp: await answer.text() })
    if (await within(connectWithin, signal, open)) return { channel, candidates, used: () => localEnd(pc), close }
  } catch (error) {
    close()
    throw error
  }
  close()
  return undefined
}

/** What trying a relay came to: a way through it, or the errors on the way to it. */
export interface RelayAttempt {
  way?: EchoWay
  errors: number[]
  /** Whether the relay gave an address; without a way then, it does not relay. */
  relay: boolean
}

/** Connects two connections of this page to each other through one relay, so that it must really relay. */
export async function connectThroughRelay(server: RTCIceServer, signal: AbortSignal): Promise<RelayAttempt> {
  const make = () => new RTCPeerConnection({ iceServers: [server], iceTransportPolicy: 'relay' })
  const [here, there] = [make(), make()]
  const close = () => {
    here.close()
    there.close()
  }
  try {
    const gathering = [gather(here), gather(there)] as const
    const failed = Promise.all(gathering.map((g) => g.done)).then(() => {
      // At the end of gathering without any relay there is nothing to wait for.
      if (gathering.some((g) => g.candidates.length === 0)) return false
      return new Promise<boolean>(() => {})
    })
    for (const [from, to] of [[here, there], [there, here]] as const) {
      from.addEventListener('icecandidate', ({ candidate }) => void (candidate && to.addIceCandidate(candidate).catch(() => {})))
    }
    there.ondatachannel = ({ channel }) => {
      channel.onmessage = ({ data }) => {
        if (channel.readyState === 'open') channel.send(data)
      }
    }
    const channel = here.createDataChannel('echo', lossy)
    const open = opened(channel)
    const offer = await here.createOffer()
    // The other side knows the offer before the first candidate reaches it.
    await there.setRemoteDescription(offer)
    await here.setLocalDescription(offer)
    const answer = await there.createAnswer()
    await here.setRemoteDescription(answer)
    await there.setLocalDescription(answer)
    const connected = await within(connectWithin, signal, Promise.race([open, failed]))
    const errors = gathering.flatMap((g) => g.errors)
    const relay = gathering.every((g) => g.candidates.some((c) => c.type === 'relay'))
    if (connected) return { way: { channel, candidates: gathering[0].candidates, used: () => localEnd(here), close }, errors, relay }
    close()
    return { errors, relay }
  } catch (error) {
    close()
    throw error
  }
}

/** Gathers with STUN servers until an outside address is there and gathering is over, or time is up. */
export async function askStun(iceServers: RTCIceServer[], signal: AbortSignal) {
  const pc = new RTCPeerConnection({ iceServers })
  try {
    const gathering = gather(pc)
    pc.createDataChannel('')
    await pc.setLocalDescription()
    const found = new Promise<void>((resolve) => {
      pc.addEventListener('icecandidate', ({ candidate }) => {
        if (candidate && candidateOf(candidate.candidate)?.type === 'srflx') resolve()
      })
    })
    await within(connectWithin, signal, Promise.race([gathering.done, found]))
    return { candidates: gathering.candidates, errors: gathering.errors, complete: pc.iceGatheringState === 'complete' }
  } finally {
    pc.close()
  }
}

/** Sends messages at a steady pace and measures what comes back, up to a second after the last. */
export async function measure(
  channel: RTCDataChannel, { count, everyMilliseconds, size }: { count: number; everyMilliseconds: number; size: number }, signal: AbortSignal,
): Promise<EchoFigures> {
  const echoes: Echoes = { sent: [], back: Array.from({ length: count }) }
  let all = () => {}
  const complete = new Promise<void>((resolve) => (all = resolve))
  let arrived = 0
  channel.binaryType = 'arraybuffer'
  channel.onmessage = ({ data }) => {
    const now = performance.now() / 1000
    if (!(data instanceof ArrayBuffer) || data.byteLength < 4) return
    const n = new DataView(data).getUint32(0)
    if (n >= count || echoes.back[n] !== undefined) return
    echoes.back[n] = now
    if (++arrived === count) all()
  }
  const began = performance.now()
  while (echoes.sent.length < count && channel.readyState === 'open') {
    // A timer that fires late sends what is due, so that the pace stays.
    const due = Math.min(count, 1 + Math.floor((performance.now() - began) / everyMilliseconds))
    while (echoes.sent.length < due && channel.readyState === 'open') {
      const message = new DataView(new ArrayBuffer(size))
      message.setUint32(0, echoes.sent.length)
      echoes.sent.push(performance.now() / 1000)
      channel.send(message)
    }
    if (echoes.sent.length < count) await pause(everyMilliseconds, signal)
  }
  await within(1000, signal, complete)
  return echoFigures({ sent: echoes.sent, back: echoes.back.slice(0, echoes.sent.length) })
}
