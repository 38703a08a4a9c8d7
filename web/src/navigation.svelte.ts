import { address, arrived, askFirst, isHeld } from './leaving'
import { parseRoute, type Route } from './router'

let current = $state.raw<Route>(parseRoute(location.pathname))

export function route(): Route {
  return current
}

/** Who was asked wants to leave all the same. */
let free = false

/** Whether somebody is asked first; `leave` is done when they have said that they want to. */
function asks(leave: () => void): boolean {
  if (free || !isHeld()) {
    free = false
    return false
  }
  askFirst(() => {
    free = true
    leave()
  })
  return true
}

/** Goes to a path of this page, or to an address elsewhere. */
export function navigate(path: string, { replace = false } = {}) {
  if (!path.startsWith('/')) {
    location.assign(path)
    return
  }
  if (asks(() => navigate(path, { replace }))) return
  if (replace) history.replaceState(null, '', path)
  else history.pushState(null, '', path)
  current = parseRoute(location.pathname)
  arrived()
  scrollTo(0, 0)
}

/** Another fragment alone takes nobody out of a room or a call: those screens read it themselves. */
function arrive() {
  const next = parseRoute(location.pathname)
  const stays = (next.screen === 'room' || next.screen === 'call') && next.screen === current.screen && next.room === current.room
  if (stays) {
    free = false
    arrived()
    return
  }
  // The browser has gone there already, and is brought back for as long as the question stands.
  if (asks(() => history.back())) history.pushState(null, '', address())
  else {
    current = next
    arrived()
  }
}

export function startRouter() {
  arrived()
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
