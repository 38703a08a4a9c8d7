import { fail, notOffered, nothingYet, ok, skipped, stepIds, warn, type Results, type StepId, type StepResult } from '../check/results'
import type { CheckView } from '../check/run.svelte'
import { DrawnPicture } from './pictures'

type Change = Partial<Record<StepId, StepResult>>

const well: Results = {
  browser: ok(), camera: ok({ label: 'HD Pro Webcam C920 (046d:082d)', width: 1280, height: 720, fps: 30 }),
  microphone: ok({ label: 'HD Pro Webcam C920 (046d:082d)', level: 0.62 }), http: ok({ roundTrip: 0.021 }), websocket: ok({ roundTrip: 0.02 }),
  rtcUdp: ok({ roundTrip: 0.019 }), rtcTcp: ok({ roundTrip: 0.022 }), stun: ok({ address: '203.0.113.24', nat: 'steady' }),
  turnUdp: ok({ roundTrip: 0.038 }), turnTcp: ok({ roundTrip: 0.041 }), turnTls: ok({ roundTrip: 0.044 }),
  quality: ok({ roundTrip: 0.02, loss: 0.004, jitter: 0.003 }), down: ok({ bitrate: 87_400_000 }), up: ok({ bitrate: 21_300_000 }),
}
const every = (result: StepResult, from: StepId): Change => Object.fromEntries(stepIds.slice(stepIds.indexOf(from)).map((id) => [id, result]))
const running: StepResult = { state: 'running', figures: {} }
const waiting: StepResult = { state: 'waiting', figures: {} }
const noUdp: Change = { rtcUdp: fail('udpBlocked'), stun: fail('stunBlocked'), turnUdp: fail('relayBlocked'), quality: skipped('needsUdp') }

const changes: Record<string, Change> = {
  '': {},
  running: { ...every(waiting, 'stun'), camera: running, microphone: waiting, rtcUdp: running, rtcTcp: running, stun: running },
  speaking: { ...every(waiting, 'quality'), microphone: running, turnTls: running },
  blocked: noUdp,
  nothing: { ...noUdp, rtcTcp: fail('tcpBlocked'), turnTcp: fail('relayBlocked'), turnTls: fail('relayTls') },
  strict: { stun: warn('symmetric', { address: '203.0.113.24', nat: 'symmetric' }), turnTls: fail('relayTls') },
  'turn-off': { rtcTcp: notOffered(), stun: notOffered(), turnUdp: notOffered(), turnTcp: notOffered(), turnTls: notOffered() },
  devices: { camera: fail('denied'), microphone: fail('missing') },
  quiet: { camera: warn('dark', { label: 'Camera', width: 1280, height: 720, fps: 30 }), microphone: warn('silent', { label: 'Headset', level: 0 }) },
  weak: { quality: warn('lossy', { roundTrip: 0.18, loss: 0.07, jitter: 0.021 }), down: ok({ bitrate: 4_200_000 }), up: warn('thin', { bitrate: 900_000 }) },
  relay: { turnUdp: fail('relayDead'), turnTcp: fail('relayRefused'), turnTls: fail('relayFull') },
  websocket: { websocket: fail('wsBlocked') },
  insecure: { browser: warn('insecure'), camera: skipped('insecure'), microphone: skipped('insecure') },
  unsupported: { ...every(skipped(), 'camera'), browser: fail('unsupported') },
  offline: { ...every(skipped(), 'websocket'), http: fail('unreachable') },
  nodoor: every(fail('noDoor'), 'http'),
  busy: every(skipped('busyServer'), 'rtcUdp'),
  cancelled: { ...every(skipped(), 'turnUdp'), camera: skipped(), microphone: skipped() },
}

/** A made-up connectivity test that stands still. */
export function drawnCheck(kind: string): CheckView {
  const under = kind === 'running' || kind === 'speaking'
  return {
    phase: kind === 'idle' ? 'idle' : under ? 'running' : kind === 'cancelled' ? 'cancelled' : 'done',
    results: kind === 'idle' ? nothingYet() : { ...well, ...changes[kind] },
    camera: kind === 'running' ? new DrawnPicture('person', 210).track : undefined,
    level: kind === 'speaking' ? 0.55 : 0,
    start() {}, skip() {}, cancel() {},
  }
}
