/** A reason to ask whoever leaves a screen, for as long as it holds. */
interface Hold {
  holds(): boolean
  /** Asks whoever wants to leave; `leave` goes on with that. */
  ask(leave: () => void): void
}

const holds: Hold[] = []

/** The address of the screen that somebody is on, where whoever went back already is brought back to. */
let here = ''

export function address(): string {
  return here
}

/** Notes that the screen in the address bar is the one that is shown. */
export function arrived() {
  here = location.pathname + location.search + location.hash
}

/** Puts another address of the same screen into the address bar, and what is to be known of it when it is loaded again. */
export function readdress(path: string, state: unknown = null) {
  history.replaceState(state, '', path)
  here = path
}

/** Has whoever leaves the screen within this page asked first, after the reasons that were there before, until the returned function is called. */
export function askBeforeLeaving(reason: Hold): () => void {
  holds.push(reason)
  return () => {
    const at = holds.indexOf(reason)
    if (at >= 0) holds.splice(at, 1)
  }
}

/** Whether there is any reason to ask. */
export function isHeld(): boolean {
  return holds.some((reason) => reason.holds())
}

/** Does what ends a screen's stay, and asks first, for one reason after the other. */
export function askFirst(leave: () => void) {
  askEach([...holds], leave)
}

function askEach([reason, ...others]: Hold[], leave: () => void) {
  if (!reason) leave()
  else if (holds.includes(reason) && reason.holds()) reason.ask(() => askEach(others, leave))
  else askEach(others, leave)
}
