import { describe, expect, it } from 'vitest'
import { isRoomName, joinTarget, keyInFragment, parseRoute, roomPath, watchPath } from './router'

describe('routes', () => {
  it.each([
    ['/', { screen: 'home' }],
    ['/console', { screen: 'console' }],
    ['/console/', { screen: 'console' }],
    ['/r/demo', { screen: 'room', room: 'demo' }],
    ['/w/%E9%9F%B3%E4%B9%90', { screen: 'watch', room: '音乐' }],
    ['/c/demo', { screen: 'call', room: 'demo' }],
    ['/r/', { screen: 'unknown' }],
    ['/r/a/b', { screen: 'unknown' }],
    ['/r/%', { screen: 'unknown' }],
    ['/elsewhere', { screen: 'unknown' }],
  ])('%s', (path, want) => expect(parseRoute(path)).toEqual(want))

  it('keeps room names of any script', () => {
    for (const room of ['demo', '音乐夜', 'a-b_c']) {
      expect(parseRoute(roomPath(room))).toEqual({ screen: 'room', room })
      expect(parseRoute(watchPath(room).split('#')[0]!)).toEqual({ screen: 'watch', room })
    }
  })

  it('carries keys in the fragment only', () => {
    const path = roomPath('demo', 'a+b/c=')
    expect(path.startsWith('/r/demo#')).toBe(true)
    expect(keyInFragment(path.slice(path.indexOf('#')))).toBe('a+b/c=')
    expect(keyInFragment('')).toBe('')
  })
})

describe('room names', () => {
  it.each([
    ['demo', true],
    ['音乐夜', true],
    ['', false],
    ['a b', false],
    ['a/b', false],
    ['<b>', false],
    ['x'.repeat(64), true],
    ['x'.repeat(65), false],
    ['音'.repeat(22), false],
  ])('%s', (name, ok) => expect(isRoomName(name)).toBe(ok))
})

describe('joining by link or name', () => {
  const origin = 'http://localhost:8080'
  it.each([
    ['demo', '/r/demo'],
    [' 音乐夜 ', '/r/%E9%9F%B3%E4%B9%90%E5%A4%9C'],
    ['http://localhost:8080/r/demo#k=abc', '/r/demo#k=abc'],
    ['/w/demo', '/w/demo'],
    ['http://localhost:8080/c/demo#k=abc', '/c/demo#k=abc'],
    ['https://other.example/w/demo#k=1', 'https://other.example/w/demo#k=1'],
    ['javascript:alert(1)', ''],
    ['http://localhost:8080/console', ''],
    ['not a name!', ''],
    ['', ''],
  ])('%s', (input, want) => expect(joinTarget(input, origin)).toBe(want))
})
