import type { BoardModel } from './model.svelte'
import type { Trace } from './wire'

/** What is done with the board as a whole, and with its pages. */
export type BoardAction = 'open' | 'close' | 'add' | 'remove' | 'clear' | 'show'

/** A board as the screen sees it. */
export interface BoardView {
  /** The contents are here. */
  readonly ready: boolean
  readonly model: BoardModel
  readonly mayDraw: boolean
  /** May open, close and clear it, and turn its pages for everybody. */
  readonly mayLead: boolean
  /** What fails is said in a toast. */
  lead(action: BoardAction, page?: string): Promise<void>
  trace(trace: Trace): void
}
