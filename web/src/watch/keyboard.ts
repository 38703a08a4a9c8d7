/** How much of the page's lower end the on-screen keyboard covers, in pixels. Browsers let it lie over the page and tell only this way. */
export function watchKeyboard(changed: (covered: number) => void): () => void {
  const visible = window.visualViewport
  if (!visible) return () => {}
  // Zooming makes the visible part smaller too, and is no keyboard.
  const look = () => changed(visible.scale > 1.05 ? 0 : Math.max(0, Math.round(innerHeight - visible.height - visible.offsetTop)))
  visible.addEventListener('resize', look)
  visible.addEventListener('scroll', look)
  return () => {
    visible.removeEventListener('resize', look)
    visible.removeEventListener('scroll', look)
  }
}
