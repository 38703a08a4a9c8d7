import type { Transfer } from './transfer.svelte'

/** Files as the screen sees them. `Transfers` are the real ones, made-up ones are for screenshots. */
export interface FilesView {
  /** Newest first. */
  readonly list: Transfer[]
  /** Files that others offer and that wait for an answer. */
  readonly pending: Transfer[]
  /** Files that have not ended, and received ones that were not saved: gone with the page, so it asks before it goes. */
  readonly unfinished: Transfer[]
  readonly unsaved: Transfer[]
  offer(peer: string, file: File, who?: string): void
  accept(transfer: Transfer): void
  refuse(transfer: Transfer): void
  cancel(transfer: Transfer): void
  save(transfer: Transfer): Promise<void>
  remove(transfer: Transfer): void
}
