/**
 * Moves within a group of buttons that are radios with the arrow keys, as the keyboard does with native ones: only the chosen one, which has a
 * tabindex of 0, is reached by Tab, and moving chooses.
 */
export function radios(group: HTMLElement) {
  function move(event: KeyboardEvent) {
    const all = [...group.querySelectorAll<HTMLElement>('[role=radio]:not(:disabled)')]
    const at = all.indexOf(document.activeElement as HTMLElement)
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
    if (at < 0 || by === undefined) return
    event.preventDefault()
    const next = all[(at + by + all.length) % all.length]
    next?.focus()
    next?.click()
  }
  group.addEventListener('keydown', move)
  return { destroy: () => group.removeEventListener('keydown', move) }
}
