/** The longest name of a file on the wire, in UTF-16 code units. */
export const maxNameLength = 255

// Control characters, what turns the direction of text (a name can pretend to end in .jpg with it), line breaks, and half
// characters. Joiners stay: Persian, Hindi and emoji are written with them.
const invisible = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Cf}/gu

/** A file's name as it may be shown to people. It is text and nothing else; it may look like a path. */
export function shownName(name: string): string {
  return shorten(name.replace(invisible, '').replace(/\s+/g, ' ').trim(), maxNameLength) || 'file'
}

/** A name for a narrow place. Its extension is always there: it says what the file does when it is opened. */
export function shortName(name: string): string {
  return shorten(name, 48)
}

// Names that Windows keeps for devices, with any extension.
const devices = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$)/i

/** A name under which a file can be saved on any system: a plain base name, never a path, never hidden. */
export function savedName(name: string): string {
  const base = shownName(name).split(/[/\\]/).at(-1)!
  const plain = base.replace(/[<>:"|?*]/g, '_').replace(/^[.\s]+/, '').replace(/[.\s]+$/, '')
  const short = shorten(plain, 120)
  if (short === '') return 'file'
  return devices.test(short) ? `_${short}` : short
}

/** Shortens in the middle, so that the extension stays, and never through a character. */
function shorten(name: string, most: number): string {
  if (name.length <= most) return name
  const extension = /\.[^./\\\s]{1,16}$/.exec(name)?.[0] ?? ''
  const head = name.slice(0, most - extension.length - 1).replace(/[\ud800-\udbff]$/, '')
  return `${head}…${extension}`
}
