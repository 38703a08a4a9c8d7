import { api, type Credential } from '../api/client'
import type { ServerEvent } from '../audience/protocol'
import type { AudienceView } from '../audience/view'
import { BoardModel } from './model.svelte'
import type { BoardAction, BoardView } from './view'
import type { Drawing, Trace } from './wire'

/** How long the board is not asked for again after it could not be had, in milliseconds. */
const patience = 3000

/** A room's whiteboard over the audience channel: hand it each of the channel's events. */
export class BoardLink implements BoardView {
  readonly model: BoardModel
  ready = $state(false)
  #audience: AudienceView
  #room: string
  #credential: () => Credential
  #loading = false
  #again = false
  #stopped = false
  #timer = 0

  constructor(audience: AudienceView, room: string, credential: () => Credential) {
    this.#audience = audience
    this.#room = room
    this.#credential = credential
    this.model = new BoardModel(() => audience.state.you.identity, (drawing) => void this.#draw(drawing))
  }

  stop() {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  get mayDraw() {
    return this.#audience.connected && this.ready && this.#audience.state.you.role !== 'audience'
  }

  get mayLead() {
    const { role } = this.#audience.state.you
    return role === 'host' || role === 'cohost'
  }

  heard(event: ServerEvent) {
    switch (event.type) {
      case 'welcome':
        if (event.board) {
          this.model.takeState(event.board)
          void this.#load()
        }
        break
      case 'board': {
        const { on, pages, shown } = event
        this.model.takeState({ on, pages, shown })
        break
      }
      case 'drawn':
        this.model.take(event)
        break
      case 'trace':
        if (event.by !== this.#audience.state.you.identity) this.model.takeTrace(event.trace, performance.now())
        break
      default:
    }
  }

  async lead(action: BoardAction, page = this.model.state.shown) {
    await this.#audience.do({ type: 'board', action, page })
  }

  trace(trace: Trace) {
    void this.#audience.do({ type: 'trace', trace })
  }

  /** What the server refuses to take is not on the board: have it as it is. */
  async #draw(drawing: Drawing) {
    if (await this.#audience.do({ type: 'draw', drawing })) return
    this.model.forget(drawing)
    void this.#load()
  }

  /** Asks for all that is on the board. What is told meanwhile is taken in as it comes; versions see to the rest. */
  async #load() {
    if (this.#loading || this.#stopped) {
      this.#again = true
      return
    }
    this.#loading = true
    this.#again = false
    try {
      const snapshot = await api.board(this.#room, this.#credential())
      this.model.load(snapshot)
      this.ready = true
    } catch {
      this.#again = false
      this.#timer = window.setTimeout(() => void this.#load(), patience)
    }
    this.#loading = false
    if (this.#again) void this.#load()
  }
}
