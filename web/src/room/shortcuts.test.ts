import { describe, expect, it } from 'vitest'
import { shortcutOf } from './shortcuts'

const press = { key: 'm', ctrlKey: false, metaKey: false, altKey: false, repeat: false, target: null }
const on = (tagName: string) => ({ tagName }) as unknown as EventTarget

describe('shortcuts', () => {
  it.each([
    ['a letter', {}, 'm'],
    ['a capital letter', { key: 'M' }, 'm'],
    ['the question mark', { key: '?' }, 'question'],
    ['on a button', { target: on('BUTTON') }, 'm'],
    ['while typing', { target: on('INPUT') }, undefined],
    ['with control', { ctrlKey: true }, undefined],
    ['held down', { repeat: true }, undefined],
    ['another key', { key: 'x' }, undefined],
  ])('%s', (_, change, want) => expect(shortcutOf({ ...press, ...change })).toBe(want))
})
