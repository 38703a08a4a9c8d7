import { expect, it } from 'vitest'
import { composes } from './composing'

it.each([
  ['Enter by itself', { isComposing: false, keyCode: 13 }, false],
  ['Enter that ends a composition', { isComposing: true, keyCode: 229 }, true],
  ['the same in Firefox', { isComposing: true, keyCode: 13 }, true],
  ['the same in Safari', { isComposing: false, keyCode: 229 }, true],
])('knows a key of an input method: %s', (_, event, so) => expect(composes(event)).toBe(so))
