import type { Transfer } from './transfer.svelte'

/** What is gone when its person goes: files on their way, or received ones that were not saved. */
export type Lost = 'unfinished' | 'unsaved'

/** Files as the screen sees them. `Transfers` are the real ones, made-up ones are for screenshots. */
export interface FilesView {
  /** Newest first. */
  readonly list: Transfer[]
  /** Files that others offer and that wait for an answer. */
  readonly pending: Transfer[]
  /** Files on their way, or on offer to others, and received ones that were not saved. */
  readonly unfinished: Transfer[]
  readonly unsaved: Transfer[]
  offer(peer: string, file: File, who?: string): void
  accept(transfer: Transfer): void
  refuse(transfer: Transfer): void
  cancel(transfer: Transfer): void
  save(transfer: Transfer): Promise<void>
  remove(transfer: Transfer): void
}

/** What is lost once the stay is over: what was on its way is lost already, and whoever left was asked. */
export function lostAfter({ unsaved }: Pick<FilesView, 'unsaved'>, over: string): Lost | undefined {
  return over !== 'left' && unsaved.length > 0 ? 'unsaved' : undefined
}

/** What is lost with all files; undefined where nothing is, and nobody needs to be asked. */
export function lostWith({ unfinished, unsaved }: Pick<FilesView, Lost>): Lost | undefined {
  return unfinished.length > 0 ? 'unfinished' : unsaved.length > 0 ? 'unsaved' : undefined
}
