import { describe, expect, it } from 'vitest'
import { maxNameLength, savedName, shortName, shownName } from './names'

describe('names for people', () => {
  it.each([
    ['as it is', '报告 2026.pdf', '报告 2026.pdf'],
    ['a path stays text', '../../etc/passwd', '../../etc/passwd'],
    ['turned direction', 'invoice\u202egpj.exe', 'invoicegpj.exe'],
    ['isolates and marks', '\u2066a\u2069\u200f\u061cb.txt', 'ab.txt'],
    ['control characters', 'a\0b\x1b[31m\nc\x7f.txt', 'ab[31mc.txt'],
    ['line separators', 'a\u2028b\u2029c', 'abc'],
    ['nothing to see', '\u200b\ufeff \u00ad', 'file'],
    ['half a character', 'a\ud800b', 'ab'],
    ['a joined emoji', '👩‍💻.png', '👩‍💻.png'],
    ['spaces', '  a \u00a0  b.txt ', 'a b.txt'],
  ])('%s', (_, name, want) => expect(shownName(name)).toBe(want))

  it('are bounded and keep their extension', () => {
    const long = shownName(`${'名'.repeat(400)}.tar.gz`)
    expect(long.length).toBeLessThanOrEqual(maxNameLength)
    expect(long.endsWith('….gz')).toBe(true)
  })
})

describe('names in narrow places', () => {
  it('keep their extension', () => expect(shortName(`${'photo.jpg '.repeat(10)}.exe`)).toMatch(/^photo\.jpg .{30,40}….exe$/))
  it('stay as they are when short', () => expect(shortName('a.txt')).toBe('a.txt'))
})

describe('names for saving', () => {
  it.each([
    ['a path', '../../etc/passwd', 'passwd'],
    ['a path of Windows', 'C:\\Windows\\System32\\evil.dll', 'evil.dll'],
    ['a path that ends in nothing', 'a/b/', 'file'],
    ['up', '..', 'file'],
    ['here', './.', 'file'],
    ['hidden', '.bashrc', 'bashrc'],
    ['ends in dots', 'a.exe. . ', 'a.exe'],
    ['a device', 'NUL.txt', '_NUL.txt'],
    ['a device without extension', 'com1', '_com1'],
    ['no device', 'console.log', 'console.log'],
    ['marks that file systems keep', 'a<b>:"c|d?*.txt', 'a_b___c_d__.txt'],
    ['turned direction', 'a\u202etxt.exe', 'atxt.exe'],
    ['Chinese', '周报.docx', '周报.docx'],
  ])('%s', (_, name, want) => expect(savedName(name)).toBe(want))

  it('are never a path, hidden, empty or long, whatever comes', () => {
    const signs = ['/', '\\', '.', ' ', '\0', '\u202e', ':', 'a', 'CON', '漢', '\ud83d', '…']
    let seed = 3
    const next = () => (seed = (seed * 1664525 + 1013904223) >>> 0) / 2 ** 32
    for (let round = 0; round < 5000; round++) {
      const name = Array.from({ length: Math.floor(next() * 200) }, () => signs[Math.floor(next() * signs.length)]).join('')
      const saved = savedName(name)
      expect(saved).toMatch(/^[^/\\:\0\u202e]+$/)
      expect(saved).not.toMatch(/^[.\s]|[.\s]$/)
      expect(saved.length).toBeLessThanOrEqual(130)
    }
  })
})
