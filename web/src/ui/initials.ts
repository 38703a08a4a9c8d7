/** One or two letters that stand for a name: "Ada Lovelace" is AL, 王小明 is 小明, which is how such names are called. */
export function initials(name: string): string {
  const text = name.trim()
  if (text === '') return '?'
  const letters = [...text.replace(/[^\p{L}\p{N}\s]/gu, '')]
  if (letters.length === 0) return [...text][0]!
  if (/^[\p{Script=Han}\s]+$/u.test(letters.join(''))) return letters.filter((c) => c.trim()).slice(-2).join('')
  const words = letters.join('').split(/\s+/).filter(Boolean)
  const first = [...words[0]!][0]!
  const last = words.length > 1 ? [...words[words.length - 1]!][0]! : ''
  return (first + last).toUpperCase()
}

const hues = [248, 200, 168, 140, 92, 36, 14, 340, 312, 276]

/** A hue that stays the same for a person. */
export function hueOf(identity: string): number {
  let hash = 0
  for (const c of identity) hash = (hash * 31 + c.codePointAt(0)!) >>> 0
  return hues[hash % hues.length]!
}
