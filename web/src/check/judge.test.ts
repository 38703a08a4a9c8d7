import { describe, expect, it } from 'vitest'
import { readDoor, relayOf, relaysOf, stunIsRelay, stunServersOf } from './door'
import { echoFigures, median } from './echoes'
import { candidateOf, judgeBandwidth, judgePicture, judgeQuality, judgeSound, judgeStun, judgeWay, natOf, portTrouble, relayTrouble, type Candidate } from './judge'
import { brightnessAndChange } from './watch'

const c = (type: string, address: string, port: number, protocol = 'udp'): Candidate => ({ type, address, port, protocol })

describe('candidates', () => {
  it.each([
    ['candidate:1 1 udp 2122260223 192.0.2.7 51000 typ host generation 0', c('host', '192.0.2.7', 51000)],
    ['a=candidate:2 1 UDP 1686052607 203.0.113.5 3000 typ srflx raddr 0.0.0.0 rport 0', c('srflx', '203.0.113.5', 3000)],
    ['candidate:3 1 tcp 1518280447 2001:db8::1 9 typ host tcptype active', c('host', '2001:db8::1', 9, 'tcp')],
    ['candidate:4 1 udp 2113937151 0c2a7a8e.local 60000 typ host', c('host', '0c2a7a8e.local', 60000)],
    ['', undefined],
    ['candidate:1 1 udp', undefined],
  ])('%s', (line, want) => expect(candidateOf(line)).toEqual(want))
})

describe('STUN', () => {
  const host = c('host', 'x.local', 50000)
  it.each([
    ['an outside address', [host, c('srflx', '203.0.113.5', 3000)], [], false, 'ok', '203.0.113.5'],
    ['IPv4 before IPv6', [c('srflx', '2001:db8::1', 1), c('srflx', '203.0.113.5', 3000)], [701], true, 'ok', '203.0.113.5'],
    ['no router in between', [host], [], true, 'ok', undefined],
    ['no answer', [host], [701], true, 'fail', undefined],
    ['no answer yet when time is up', [host], [], false, 'fail', undefined],
    ['no UDP at all', [c('host', 'x.local', 9, 'tcp')], [], true, 'fail', undefined],
    ['an outside address over TCP is none', [host, c('srflx', '203.0.113.5', 3000, 'tcp')], [701], true, 'fail', undefined],
  ] as const)('%s', (_, candidates, errors, complete, state, address) => {
    const result = judgeStun(candidates, errors, complete)
    expect(result.state).toBe(state)
    expect(result.figures.address).toBe(address)
  })

  const outside = [c('srflx', '203.0.113.5', 3000)]
  it.each([
    ['the same for another port', outside, c('srflx', '203.0.113.5', 3000), 'steady'],
    ['the same, learned the other way', outside, c('prflx', '203.0.113.5', 3000), 'steady'],
    ['another port', outside, c('prflx', '203.0.113.5', 3001), 'symmetric'],
    ['another address', outside, c('prflx', '203.0.113.6', 3000), 'symmetric'],
    ['one of several interfaces', [c('srflx', '198.51.100.1', 7), ...outside], c('prflx', '203.0.113.5', 3000), 'steady'],
    ['a server inside of the router', outside, c('host', '192.168.1.2', 50000), undefined],
    ['another family', outside, c('prflx', '2001:db8::1', 3000), undefined],
    ['a hidden address', outside, c('prflx', '', 3000), undefined],
    ['over TCP', outside, c('prflx', '203.0.113.5', 9, 'tcp'), undefined],
    ['one answer only', [], c('prflx', '203.0.113.5', 3001), undefined],
    ['not connected', outside, undefined, undefined],
  ] as const)('mapping: %s', (_, candidates, used, want) => expect(natOf(candidates, used)).toBe(want))
})

describe('thresholds', () => {
  it.each([
    ['a short way', judgeWay(0.02), 'ok', undefined],
    ['a long way', judgeWay(0.6), 'warn', 'far'],
    ['clean', judgeQuality({ loss: 0, jitter: 0.002 }), 'ok', undefined],
    ['lossy before uneven', judgeQuality({ loss: 0.1, jitter: 0.2 }), 'warn', 'lossy'],
    ['uneven', judgeQuality({ loss: 0.01, jitter: 0.2 }), 'warn', 'uneven'],
    ['fast', judgeBandwidth(20e6), 'ok', undefined],
    ['thin', judgeBandwidth(1e6), 'warn', 'thin'],
    ['very thin', judgeBandwidth(1e5), 'warn', 'tooThin'],
    ['a moving picture', judgePicture({}, 90, 2), 'ok', undefined],
    ['a still picture', judgePicture({}, 90, 0), 'warn', 'still'],
    ['a black picture', judgePicture({}, 1, 0.4), 'warn', 'dark'],
    ['a voice', judgeSound({ level: 0.5 }), 'ok', undefined],
    ['silence', judgeSound({ level: 0 }), 'warn', 'silent'],
  ] as const)('%s', (_, result, state, trouble) => expect([result.state, result.trouble]).toEqual([state, trouble]))

  it.each([
    ['udp', 'tutti.example', 'udpBlocked'], ['tcp', '192.168.1.5', 'tcpBlocked'], ['udp', 'localhost', 'loopback'], ['tcp', '127.0.0.1', 'loopback'],
    ['udp', '[::1]', 'loopback'], ['udp', '127.0.0.1.example', 'udpBlocked'],
  ] as const)('port over %s at %s', (transport, host, want) => expect(portTrouble(transport, host)).toBe(want))

  it.each([
    [[701], false, 'relayBlocked'],
    [[], false, 'relayBlocked'],
    [[701, 701], true, 'relayTls'],
    [[701, 401], false, 'relayRefused'],
    [[486], true, 'relayFull'],
    [[508, 401], false, 'relayFull'],
  ] as const)('relay errors %j, TLS %s', (errors, tls, want) => expect(relayTrouble(errors, tls)).toBe(want))
})

describe('echoes', () => {
  it('tell loss, median and jitter', () => {
    const f = echoFigures({ sent: [0, 1, 2, 3], back: [0.02, 1.04, undefined, 3.02] })
    expect(f.loss).toBe(0.25)
    expect(f.roundTrip).toBeCloseTo(0.02)
    expect(f.jitter).toBeCloseTo(0.02 / 16 + (0.02 - 0.02 / 16) / 16)
  })
  it('that never come tell loss alone', () => expect(echoFigures({ sent: [0, 1], back: [undefined, undefined] })).toEqual({ loss: 1, jitter: 0 }))
  it('that were never sent tell nothing', () => expect(echoFigures({ sent: [], back: [] })).toEqual({ loss: 0, jitter: 0 }))
  it.each([[[], undefined], [[3], 3], [[3, 1, 2], 2], [[4, 1, 2, 3], 2.5]])('median of %j', (values, want) => expect(median(values)).toBe(want))
})

describe('pictures', () => {
  it('are compared without their transparency', () => {
    const grey = (v: number) => new Uint8ClampedArray([v, v, v, 255, v, v, v, 255])
    expect(brightnessAndChange(grey(10), undefined)).toEqual({ brightness: 10, change: 0 })
    expect(brightnessAndChange(grey(10), grey(14))).toEqual({ brightness: 10, change: 4 })
  })
})

describe('what the server offers', () => {
  const door = readDoor({
    iceServers: [
      { urls: ['stun:s.example:3478'] },
      { urls: ['turn:s.example:3478?transport=udp', 'turn:s.example:3478?transport=tcp', 'turns:s.example:5349?transport=tcp'], username: 'u', credential: 'p' },
    ],
    webrtc: { udp: 7882, tcp: 0 },
  })

  it('is one address at a time', () => {
    expect(relaysOf(door, 'turnTcp')).toEqual([{ urls: 'turn:s.example:3478?transport=tcp', username: 'u', credential: 'p' }])
    expect(relaysOf(door, 'turnTls')).toHaveLength(1)
    expect(stunServersOf(door)).toEqual([{ urls: 'stun:s.example:3478' }])
    expect(stunIsRelay(door)).toBe(true)
    expect(stunIsRelay(readDoor({ iceServers: [{ urls: 'stun:a:1' }, { urls: 'turn:b:1' }] }))).toBe(false)
  })

  it.each([
    ['turn:a', 'turnUdp'], ['turn:a:1?transport=udp', 'turnUdp'], ['turn:a?transport=tcp', 'turnTcp'], ['turns:a', 'turnTls'],
    ['turns:a?transport=udp', undefined], ['stun:a', undefined], ['https://a', undefined],
  ])('%s', (url, want) => expect(relayOf(url)).toBe(want))

  it.each([
    ['nothing', null], ['a text', 'x'], ['a list', []], ['odd servers', { iceServers: [null, 7, {}, { urls: [7] }], webrtc: { udp: -1, tcp: 'x' } }],
    ['odd ports', { webrtc: { udp: 70_000, tcp: 1.5 } }],
  ])('%s is nothing', (_, value) => expect(readDoor(value)).toEqual({ iceServers: [], webrtc: { udp: 0, tcp: 0 } }))
})
