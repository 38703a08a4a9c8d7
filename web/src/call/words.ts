import type { Language } from '../i18n/index.svelte'
import { wordlist } from './wordlist'

const wordCount = 6
/**
 * Somebody in the middle would have to find two certificates that give the same words while the call is being set up. Each try
 * costs them this many rounds, and us some tenths of a second once.
 */
const rounds = 200_000

/** What both sides of a connection compare by reading it to each other: six numbers up to 255, the same on both. */
export type Check = readonly number[]

/** Derives the check from both sides' certificate fingerprints, whichever is whose. Needs a secure address. */
export async function checkOf(fingerprints: readonly string[]): Promise<Check> {
  const encode = (text: string) => new TextEncoder().encode(text)
  const secret = await crypto.subtle.importKey('raw', encode([...fingerprints].sort().join('\n')), 'PBKDF2', false, ['deriveBits'])
  const bits = await crypto.subtle.deriveBits(
    { name: 'PBKDF2', hash: 'SHA-256', salt: encode('tutti call check'), iterations: rounds }, secret, wordCount * 8,
  )
  return [...new Uint8Array(bits)]
}

/** The check as words of a language; the same word stands at the same place in each list. */
export function wordsOf(check: Check, language: Language): string[] {
  return check.map((n) => wordlist[language][n]!)
}

/** The check as digits, which are the same in every language: three groups of five. */
export function codeOf(check: Check): string {
  const digits = check.reduce((sum, n) => sum * 256n + BigInt(n), 0n).toString().padStart(15, '0')
  return digits.replace(/(\d{5})(?=\d)/g, '$1 ')
}
