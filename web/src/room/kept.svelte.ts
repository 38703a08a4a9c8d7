import type { ChatMessage } from './view'

const most = 500

/** The last messages that were written, and how many there were in all. */
export class Kept {
  list = $state.raw<ChatMessage[]>([])
  count = $state(0)

  /** Tells messages apart by a count: what a sender calls one may be said twice. */
  add(message: Omit<ChatMessage, 'id'>) {
    this.list = [...this.list.slice(1 - most), { ...message, id: String(++this.count) }]
  }
}
