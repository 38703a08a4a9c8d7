import { describe, expect, it } from 'vitest'
import { parseFlight } from './flight.svelte'

const usual = { size: 'medium', opacity: 1, area: 1 }

describe('how messages fly', () => {
  it.each([
    ['nothing', '', usual],
    ['no JSON', '{', usual],
    ['something else', 'null', usual],
    ['nonsense', '{"size":"huge","opacity":7,"area":"all"}', usual],
    ['a part', '{"area":0.5}', { ...usual, area: 0.5 }],
    ['all of it', '{"size":"large","opacity":0.4,"area":0.25}', { size: 'large', opacity: 0.4, area: 0.25 }],
  ])('remembered as %s', (_, text, want) => expect(parseFlight(text)).toEqual(want))
})
