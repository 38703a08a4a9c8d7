import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { en } from '../i18n/en'
import { zh } from '../i18n/zh'
import { bars } from './state'

/** The codes that a document lists in what lies between two of its lines. */
function codesIn(file: string, from: RegExp, to: RegExp): string[] {
  const text = readFileSync(new URL(`../../../docs/${file}`, import.meta.url), 'utf8')
  const start = text.search(from)
  const part = text.slice(start, start + text.slice(start).search(to))
  return [...part.matchAll(/`([a-z_]+)`/g)].map(([, code]) => code!)
}

it('has words for every code with which the stage and the audience’s channel refuse', () => {
  const codes = [...codesIn('stage.md', /^Refusals have stable codes/m, /^## /m), ...codesIn('stage.md', /^Refusals: `not_live`/m, /\n\n/), ...codesIn('audience-protocol.md', /^\| code \| meaning/m, /^An error that ends/m)]
  expect(codes.length).toBeGreaterThan(40)
  for (const texts of [en.audience.refusals, zh.audience.refusals]) {
    // "hello" is a request and "wait" a field.
    expect(codes.filter((code) => !(code in texts) && !['hello', 'wait'].includes(code))).toEqual([])
  }
})

it('has words for every reason for which somebody may not be here', () => {
  for (const texts of [en.audience.refusals, zh.audience.refusals]) expect(bars.filter((why) => !(why in texts))).toEqual([])
})
