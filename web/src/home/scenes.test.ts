import { expect, test } from 'vitest'
import type { SceneInfo } from '../api/types'
import { ownScenes, wordsOf } from './scenes'

const scene = (change: Partial<SceneInfo>): SceneInfo => ({
  name: 'debate', title: { en: 'Debate', zh: '辩论' }, summary: { en: 'Two sides.', zh: '' }, arrivals: 'audience', audio: 'speech', features: {}, ...change,
})

test('what the operator added is picked too, and says itself what it is', () => {
  const own = ownScenes([scene({ name: 'room' }), scene({ name: 'class' }), scene({ features: { likes: true } })])
  expect(own.map(({ name, live }) => [name, live])).toEqual([['debate', true]])
  expect(wordsOf(own[0]!)).toEqual({ title: 'Debate', hint: 'Two sides.' })
})
