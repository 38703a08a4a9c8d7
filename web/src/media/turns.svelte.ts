/** What is done to several things, one after the other for each of them. */
export class Turns<What extends string> {
  /** Whether something is being done to each. */
  busy: Record<What, boolean>
  #last: Record<What, Promise<void>>
  #waiting: Record<What, number>

  constructor(...all: What[]) {
    const each = <T>(value: T) => Object.fromEntries(all.map((what) => [what, value])) as Record<What, T>
    this.busy = $state(each(false))
    this.#last = each(Promise.resolve())
    this.#waiting = each(0)
  }

  /** Does some work when all that came before it on the same thing is done, whatever became of that. */
  take(what: What, work: () => Promise<void>): Promise<void> {
    this.#waiting[what]++
    this.busy[what] = true
    const mine = this.#last[what].then(async () => {
      try {
        await work()
      } finally {
        this.busy[what] = --this.#waiting[what] > 0
      }
    })
    this.#last[what] = mine.catch(() => {})
    return mine
  }
}
