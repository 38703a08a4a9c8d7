import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { SceneInfo } from '../api/types'
import { en } from '../i18n/en'
import { zh } from '../i18n/zh'
import { offered, scenes, wordsOf } from './scenes'

const scene = (change: Partial<SceneInfo>): SceneInfo => ({
  name: 'debate', title: { en: 'Debate', zh: '辩论' }, summary: { en: 'Two sides.', zh: '' }, arrivals: 'audience', audio: 'speech', features: {}, ...change,
})

test('what the operator added is picked too, and says itself what it is', () => {
  const all = offered([scene({ name: 'room' }), scene({ name: 'class' }), scene({ features: { likes: true } })])
  const own = all.slice(scenes.length)
  expect(own.map(({ name, live }) => [name, live])).toEqual([['debate', true]])
  expect(wordsOf(own[0]!)).toEqual({ title: 'Debate', hint: 'Two sides.' })
})

test('what the operator put in the place of ours says itself what it is', () => {
  const [show, lesson] = offered([scene({ name: 'class', title: { en: 'Seminar', zh: '研讨课' }, summary: { en: 'Twelve around a table.', zh: '' } })])
  expect(wordsOf(lesson!)).toEqual({ title: 'Seminar', hint: 'Twelve around a table.' })
  expect(wordsOf(show!)).toEqual(en.home.scenes.show)
})

test.each(scenes.map(({ name }) => name))('before the server has answered the page says of %s what the server says', (name) => {
  const text = readFileSync(`../internal/room/scenes/builtin/${name}.yaml`, 'utf8')
  for (const [key, part] of [['title', 'title'], ['summary', 'hint']] as const) {
    const [, english, chinese] = new RegExp(`^${key}: \\{en: "?(.*?)"?, zh: (.*)\\}$`, 'm').exec(text)!
    expect([en.home.scenes[name][part], zh.home.scenes[name][part]]).toEqual([english, chinese])
  }
})
