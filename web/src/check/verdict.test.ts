import { describe, expect, it } from 'vitest'
import { fail, nothingYet, notOffered, ok, skipped, stepIds, warn, type Results, type StepId, type StepResult } from './results'
import { progressOf, verdictOf, type Note, type VerdictCode } from './verdict'

type Change = Partial<Record<StepId, StepResult>>

/** Everything works, but for the changes. */
function results(change: Change = {}): Results {
  return { ...(Object.fromEntries(stepIds.map((id) => [id, ok()])) as unknown as Results), ...change }
}

const noUdp: Change = { rtcUdp: fail('udpBlocked'), stun: fail('stunBlocked'), turnUdp: fail('relayBlocked'), quality: skipped('needsUdp') }
const noTurn: Change = { turnUdp: notOffered(), turnTcp: notOffered(), turnTls: notOffered() }
const relaysBlocked: Change = { turnUdp: fail('relayBlocked'), turnTcp: fail('relayBlocked'), turnTls: fail('relayTls') }
const nothingOffered: Change = { ...noTurn, stun: notOffered(), rtcTcp: notOffered() }
const every = (result: StepResult, ids: readonly StepId[] = stepIds): Change => Object.fromEntries(ids.map((id) => [id, result]))
const network = stepIds.slice(stepIds.indexOf('http'))
const ways = ['rtcUdp', 'rtcTcp', 'stun', 'turnUdp', 'turnTcp', 'turnTls'] as const

describe('verdict', () => {
  it.each<[string, Change, VerdictCode, 'ok' | 'warn' | 'fail', Note[]]>([
    ['everything works', {}, 'direct', 'ok', []],
    ['no router', { stun: ok({ nat: 'none' }) }, 'direct', 'ok', []],
    ['a strict router', { stun: warn('symmetric', { nat: 'symmetric' }) }, 'strictRouter', 'ok', []],
    ['a strict router, relay over TCP only', { stun: warn('symmetric', { nat: 'symmetric' }), rtcUdp: fail('udpBlocked'), turnUdp: fail('relayBlocked') }, 'strictRouter', 'ok', []],
    ['a strict router and nothing else', { stun: warn('symmetric', { nat: 'symmetric' }), ...relaysBlocked, rtcUdp: fail('udpBlocked'), rtcTcp: fail('tcpBlocked') }, 'nothing', 'fail', []],
    ['no TURN, TCP as second way', noTurn, 'direct', 'ok', []],
    ['no TURN and no TCP', { ...noTurn, rtcTcp: notOffered() }, 'direct', 'warn', ['noFallback']],
    ['nothing offered but the media port', nothingOffered, 'directUntested', 'ok', []],
    ['no STUN offered, only a relay', { stun: notOffered(), rtcUdp: fail('udpBlocked'), rtcTcp: fail('tcpBlocked') }, 'serverUdp', 'warn', []],
    ['STUN alone is blocked', { stun: fail('stunBlocked') }, 'serverUdp', 'warn', []],
    ['UDP is blocked', noUdp, 'serverTcp', 'warn', []],
    ['UDP is blocked, no port over TCP', { ...noUdp, rtcTcp: notOffered() }, 'relayTcp', 'warn', []],
    ['only TLS gets through', { ...noUdp, rtcTcp: fail('tcpBlocked'), turnTcp: fail('relayBlocked') }, 'relayTcp', 'warn', []],
    ['only STUN gets through', { ...relaysBlocked, rtcUdp: fail('udpBlocked'), rtcTcp: fail('tcpBlocked') }, 'directOnly', 'warn', []],
    ['nothing gets through', { ...noUdp, ...relaysBlocked, rtcTcp: fail('tcpBlocked') }, 'nothing', 'fail', []],
    ['the relay is no use', { ...noUdp, rtcTcp: notOffered(), turnTcp: fail('relayDead'), turnTls: fail('relayDead') }, 'nothing', 'fail', []],
    ['the server was too busy', every(skipped('busyServer'), ways), 'incomplete', 'warn', []],
    ['broken off early', every(skipped(), stepIds.slice(stepIds.indexOf('rtcUdp'))), 'incomplete', 'warn', []],
    ['broken off before STUN', { stun: skipped(), turnUdp: skipped(), turnTcp: skipped(), turnTls: skipped() }, 'incomplete', 'warn', []],
    ['broken off before the relays', { turnUdp: skipped(), turnTcp: skipped(), turnTls: skipped() }, 'direct', 'ok', []],
    ['the server was busy for some', { rtcTcp: skipped('busyServer') }, 'direct', 'ok', []],
    ['WebSockets are cut', { websocket: fail('wsBlocked') }, 'noWebSocket', 'fail', []],
    ['no such door', every(fail('noDoor'), ways), 'noDoor', 'fail', []],
    ['no such door from the first', every(fail('noDoor'), network), 'noDoor', 'fail', []],
    ['the server is down', { ...every(skipped(), network), http: fail('unreachable') }, 'offline', 'fail', []],
    ['an old browser', { ...every(skipped()), browser: fail('unsupported') }, 'unsupported', 'fail', []],
    ['no camera', { camera: fail('missing') }, 'direct', 'warn', ['unseen']],
    ['no devices', { camera: fail('denied'), microphone: fail('denied') }, 'direct', 'warn', ['unseen', 'unheard']],
    ['devices were skipped', { camera: skipped(), microphone: skipped() }, 'direct', 'ok', []],
    ['a silent microphone is its own row’s matter', { microphone: warn('silent') }, 'direct', 'ok', []],
    ['not secure', { browser: warn('insecure'), camera: skipped('insecure'), microphone: skipped('insecure') }, 'direct', 'warn', ['listenOnly']],
    ['loss', { quality: warn('lossy') }, 'direct', 'warn', ['quality']],
    ['a thin line', { up: warn('thin') }, 'direct', 'warn', ['bandwidth']],
    ['no camera does not matter when nothing works', { websocket: fail('wsBlocked'), camera: fail('missing') }, 'noWebSocket', 'fail', []],
  ])('%s', (_, change, code, tone, notes) => expect(verdictOf(results(change))).toEqual({ code, tone, notes }))

  it('says nothing before the end', () => {
    expect(verdictOf(nothingYet()).code).toBe('incomplete')
    expect(verdictOf(results({ turnTls: { state: 'running', figures: {} } })).code).toBe('incomplete')
  })

  it('has one for every state of every way', () => {
    const states: StepResult[] = [ok(), fail('udpBlocked'), notOffered(), skipped()]
    for (let i = 0; i < states.length ** ways.length; i++) {
      const change: Change = Object.fromEntries(ways.map((id, n) => [id, states[Math.floor(i / states.length ** n) % states.length]!]))
      const { code } = verdictOf(results(change))
      const works = (ids: readonly StepId[]) => ids.some((id) => change[id]!.state === 'ok')
      // Whatever is said, it is "not" exactly when there is no way at all.
      const untried = Object.values(change).some((r) => r.state === 'skipped')
      expect(code === 'nothing', JSON.stringify(change)).toBe(!works(ways) && !untried)
      if (code === 'incomplete') expect(untried).toBe(true)
      if (code === 'direct') expect(works(['stun'])).toBe(true)
      if (code === 'serverTcp' || code === 'relayTcp') expect(works(['rtcTcp', 'turnTcp', 'turnTls'])).toBe(true)
    }
  })
})

describe('progress', () => {
  it('goes from nothing to all', () => {
    expect(progressOf(nothingYet())).toBe(0)
    expect(progressOf(results())).toBe(1)
    expect(progressOf({ ...nothingYet(), quality: { state: 'running', figures: {} } })).toBeGreaterThan(0)
  })
})
