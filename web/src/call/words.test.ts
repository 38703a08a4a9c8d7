import { describe, expect, it } from 'vitest'
import { wordlist } from './wordlist'
import { checkOf, codeOf, wordsOf } from './words'

describe('the lists', () => {
  it.each(['en', 'zh'] as const)('%s has 256 different words', (language) => {
    expect(wordlist[language]).toHaveLength(256)
    const seen = new Set<string>()
    for (const word of wordlist[language]) {
      expect(seen.has(word), word).toBe(false)
      seen.add(word)
    }
  })
  it('are of two characters in Chinese and of plain letters in English', () => {
    for (const word of wordlist.zh) expect(word).toMatch(/^\p{Script=Han}{2}$/u)
    for (const word of wordlist.en) expect(word).toMatch(/^[a-z]{4,9}$/)
  })
})

describe('the check', () => {
  const [a, b] = ['sha-256 AA:01', 'sha-256 BB:02']
  it('is the same on both sides', async () => expect(await checkOf([a!, b!])).toEqual(await checkOf([b!, a!])))
  it('differs when a certificate does', async () => expect(await checkOf([a!, b!])).not.toEqual(await checkOf([a!, 'sha-256 BB:03'])))
  it('stays as it is, since both sides may be of different versions', async () => {
    const check = await checkOf([a!, b!])
    expect(check).toHaveLength(6)
    expect(wordsOf(check, 'en')).toHaveLength(6)
    expect(codeOf(check)).toMatch(/^\d{5} \d{5} \d{5}$/)
    expect({ check, code: codeOf(check) }).toMatchInlineSnapshot(`
      {
        "check": [
          27,
          127,
          195,
          54,
          94,
          119,
        ],
        "code": "03023 55499 16791",
      }
    `)
  })
})

describe('the digits', () => {
  it.each([
    [[0, 0, 0, 0, 0, 0], '00000 00000 00000'],
    [[0, 0, 0, 0, 1, 0], '00000 00000 00256'],
    [[255, 255, 255, 255, 255, 255], '28147 49767 10655'],
  ])('%j', (check, want) => expect(codeOf(check)).toBe(want))
})
