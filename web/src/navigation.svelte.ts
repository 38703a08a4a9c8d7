import { parseRoute, type Route } from './router'

let current = $state.raw<Route>(parseRoute(location.pathname))

export function route(): Route {
  return current
}

/** Goes to a path of this page, or to an address elsewhere. */
export function navigate(path: string, { replace = false } = {}) {
  if (!path.startsWith('/')) {
    location.assign(path)
    return
  }
  if (replace) history.replaceState(null, '', path)
  else history.pushState(null, '', path)
  current = parseRoute(location.pathname)
  scrollTo(0, 0)
}

/** Another fragment alone takes nobody out of a room or a call: those screens read it themselves. */
function arrive() {
  const next = parseRoute(location.pathname)
  const stays = (next.screen === 'room' || next.screen === 'call') && next.screen === current.screen && next.room === current.room
  if (!stays) current = next
}

export function startRouter() {
  addEventListener('popstate', arrive)
  document.addEventListener('click', (event) => {
    const link = (event.target as Element | null)?.closest?.('a')
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return
    const next = parseRoute(link.pathname)
    if (next.screen === 'unknown') return
    event.preventDefault()
    navigate(link.pathname + link.hash)
  })
}
