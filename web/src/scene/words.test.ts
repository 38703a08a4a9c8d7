import { expect, it } from 'vitest'
import type { Scene } from '../audience/protocol'
import { roleWord, said } from './words'

const scene: Scene = {
  name: 'class', title: { en: 'Class', zh: '课堂' }, seats: { count: 6, request: true, invite: true, claim: false }, orientation: 'landscape', features: {},
  roles: { host: { en: 'Teacher', zh: '老师' }, cohost: { zh: '助教' } }, texts: { empty: { en: 'An empty seat' } },
}

it('calls people and places what their scene calls them', () => {
  expect(roleWord(scene, 'host')).toBe('Teacher')
  expect(said(scene, 'empty')).toBe('An empty seat')
})

it('has words of its own where the scene has none', () => {
  expect(roleWord(scene, 'cohost')).toBe('Co-host')
  expect(roleWord(undefined, 'host')).toBe('Host')
  expect(said(scene, 'raise')).toBeUndefined()
})
