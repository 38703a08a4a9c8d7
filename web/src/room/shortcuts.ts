export type Shortcut = 'm' | 'v' | 's' | 'c' | 'p' | 'g' | 'i' | 'question'

/** The shortcut that a key press means; none while somebody types, holds a modifier, or a control takes the key itself. */
export function shortcutOf(event: {
  key: string
  ctrlKey: boolean
  metaKey: boolean
  altKey: boolean
  repeat: boolean
  target: EventTarget | null
}): Shortcut | undefined {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return undefined
  const element = event.target as { tagName?: string; isContentEditable?: boolean } | null
  if (element?.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element?.tagName ?? '')) return undefined
  if (event.key === '?') return 'question'
  const key = event.key.toLowerCase()
  return ['m', 'v', 's', 'c', 'p', 'g', 'i'].includes(key) ? (key as Shortcut) : undefined
}
