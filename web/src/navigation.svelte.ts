import { parseRoute, type Route } from './router'

let current = $state.raw<Route>(parseRoute(location.pathname))

export function route(): Route {
  return current
}

/** A screen with which something is lost, for as long as there is something to lose. */
interface Hold {
  holds(): boolean
  /** The screen's address on this page. */
  address(): string
  /** Asks whoever wants to leave; `leave` goes where they wanted to. */
  ask(leave: () => void): void
}

let hold: Hold | undefined
/** Who was asked wants to leave all the same. */
let free = false

/** Has whoever leaves the screen within this page asked first, until the returned function is called. */
export function askBeforeLeaving(screen: Hold): () => void {
  hold = screen
  return () => {
    if (hold === screen) hold = undefined
  }
}

/** Does what ends a screen's stay, and asks first where something is lost with it. */
export function askFirst(leave: () => void) {
  if (hold?.holds()) hold.ask(leave)
  else leave()
}

/** Whether somebody is asked first; `leave` is done when they have said that they want to. */
function asks(leave: () => void): boolean {
  if (free || !hold?.holds()) {
    free = false
    return false
  }
  hold.ask(() => {
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
  scrollTo(0, 0)
}

/** Another fragment alone takes nobody out of a room or a call: those screens read it themselves. */
function arrive() {
  const next = parseRoute(location.pathname)
  const stays = (next.screen === 'room' || next.screen === 'call') && next.screen === current.screen && next.room === current.room
  if (stays) {
    free = false
    return
  }
  const address = hold?.address()
  // The browser has gone there already, and is brought back for as long as the question stands.
  if (asks(() => history.back())) history.pushState(null, '', address)
  else current = next
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
