import { parcels, type BoardState, type Drawing, type Element, type Look, type Snapshot, type Trace } from './wire'

/** A finger that is lifted without a word leaves its line standing for no longer than this, in milliseconds. */
const traceLasts = 5000
const maxSteps = 200

/** What one element looked like before it was changed. */
interface Change {
  id: string
  before: Look | undefined
}

interface Step {
  page: string
  changes: Change[]
}

/** What a canvas hears: elements that changed, or the whole page. */
export interface Canvasses {
  changed(page: string, ids: string[] | 'all'): void
  traced(trace: Trace): void
}

/** A line that somebody else is drawing. */
export interface Traced extends Trace {
  at: number
}

/**
 * This page's copy of the board. What is drawn here shows at once and is sent; what the server tells is taken in, the higher version of an
 * element winning, as everywhere.
 */
export class BoardModel {
  state = $state.raw<BoardState>({ on: false, pages: [], shown: '' })
  canUndo = $state(false)
  canRedo = $state(false)
  /** Raised with each change, for whoever shows something of the elements. */
  changes = $state(0)
  canvas: Canvasses | undefined

  #pages = new Map<string, Map<string, Element>>()
  #traces = new Map<string, Traced>()
  #done: Step[] = []
  #undone: Step[] = []
  #send: (drawing: Drawing) => void
  #me: () => string

  constructor(me: () => string, send: (drawing: Drawing) => void) {
    this.#me = me
    this.#send = send
  }

  /** What is to be seen on a page, the lowest first. */
  elements(page: string): (Element & Look)[] {
    return [...(this.#pages.get(page)?.values() ?? [])].filter(seen).sort((a, b) => (a.z ?? 0) - (b.z ?? 0) || (a.id < b.id ? -1 : 1))
  }

  element(page: string, id: string): (Element & Look) | undefined {
    const element = this.#pages.get(page)?.get(id)
    return element && seen(element) ? element : undefined
  }

  /** Lines that others are drawing. */
  traces(page: string, now: number): Traced[] {
    for (const [id, trace] of this.#traces) if (now - trace.at > traceLasts) this.#traces.delete(id)
    return [...this.#traces.values()].filter((trace) => trace.page === page)
  }

  // --- what the server tells

  /** Takes in the whole board. What is told while it was asked for may come before or after. */
  load({ contents, ...state }: Snapshot) {
    this.takeState(state)
    for (const { id, elements } of contents) this.take({ page: id, put: elements })
    this.canvas?.changed(state.shown, 'all')
  }

  takeState(state: BoardState) {
    for (const page of this.#pages.keys()) if (!state.pages.includes(page)) this.#pages.delete(page)
    const gone = (step: Step) => state.pages.includes(step.page)
    this.#done = this.#done.filter(gone)
    this.#undone = this.#undone.filter(gone)
    this.state = state
    this.#counted()
  }

  take({ page, put }: Drawing) {
    const elements = this.#page(page)
    const ids: string[] = []
    for (const element of put) {
      const own = elements.get(element.id)
      if (own && (own.v > element.v || (own.v === element.v && (own.by ?? '') > (element.by ?? '')))) continue
      elements.set(element.id, element)
      this.#traces.delete(element.id)
      ids.push(element.id)
    }
    this.#changed(page, ids)
  }

  /** Takes back what the server did not take in. */
  forget({ page, put }: Drawing) {
    const elements = this.#page(page)
    const refused = put.filter(({ id, v }) => elements.get(id)?.v === v)
    for (const { id } of refused) elements.delete(id)
    this.#changed(page, refused.map(({ id }) => id))
  }

  takeTrace(trace: Trace, now: number) {
    if (this.#pages.get(trace.page)?.has(trace.id)) return
    const before = this.#traces.get(trace.id)
    this.#traces.set(trace.id, { ...trace, points: [...(before?.points ?? []), ...trace.points], at: now })
    this.canvas?.traced(this.#traces.get(trace.id)!)
  }

  // --- what is done here

  /** Adds elements, changes them, or removes those without a look, in one step that can be undone. */
  put(page: string, looks: Record<string, Look | undefined>) {
    const step = this.#write(page, Object.entries(looks))
    if (step.changes.length === 0) return
    this.#done = [...this.#done.slice(1 - maxSteps), step]
    this.#undone = []
    this.#counted()
  }

  /** The place above all that is on a page. */
  top(page: string): number {
    return (this.elements(page).at(-1)?.z ?? 0) + 1
  }

  undo = () => this.#move('undo')
  redo = () => this.#move('redo')

  #move(direction: 'undo' | 'redo') {
    const [from, to] = direction === 'undo' ? [this.#done, this.#undone] : [this.#undone, this.#done]
    const step = from.pop()
    if (step) {
      // What somebody else changed since is theirs.
      const untouched = step.changes.filter((c) => this.#pages.get(step.page)?.get(c.id)?.by === this.#me())
      const back = this.#write(step.page, untouched.map((c) => [c.id, c.before]))
      if (back.changes.length > 0) to.push(back)
    }
    this.#counted()
  }

  #write(page: string, looks: [string, Look | undefined][]): Step {
    const elements = this.#page(page)
    const put: Element[] = []
    const changes: Change[] = []
    for (const [id, look] of looks) {
      const before = elements.get(id)
      if (!look && (!before || before.gone)) continue
      const v = (before?.v ?? 0) + 1
      const element: Element = look ? { id, v, ...look } : { id, v, gone: true }
      elements.set(id, { ...element, by: this.#me() })
      put.push(element)
      changes.push({ id, before: before && seen(before) ? lookOf(before) : undefined })
    }
    for (const parcel of parcels({ page, put })) this.#send(parcel)
    this.#changed(page, put.map((element) => element.id))
    return { page, changes }
  }

  #page(id: string): Map<string, Element> {
    let page = this.#pages.get(id)
    if (!page) this.#pages.set(id, (page = new Map()))
    return page
  }

  #changed(page: string, ids: string[]) {
    if (ids.length === 0) return
    this.changes++
    this.canvas?.changed(page, ids)
  }

  #counted() {
    this.canUndo = this.#done.length > 0
    this.canRedo = this.#undone.length > 0
  }
}

function seen(element: Element): element is Element & Look {
  return !element.gone
}

function lookOf(element: Element & Look): Look {
  const { id: _id, v: _v, by: _by, gone: _gone, ...look } = element
  return look
}
