import type { CallView } from './view'

/** How long those in a call have talked. Owned by the session. */
export class Talk {
  /** When somebody was reached first, in ms since 1970; 0 while nobody was. */
  since = $state(0)
  /** The last talk, once whom it was with is gone. */
  parted = $state.raw<CallView['parted']>()
  #with = ''

  /** Takes how the call is at a time in ms, and the names of the others. */
  follow(phase: CallView['phase'], others: string[], now: number) {
    if (phase === 'connected') {
      this.since ||= now
      if (others.length > 0) this.#with = others.join(', ')
    } else if (this.since && (phase === 'alone' || phase === 'over')) {
      this.parted = { name: this.#with, seconds: (now - this.since) / 1000 }
      this.since = 0
    }
  }
}
