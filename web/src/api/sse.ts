/** One server-sent event. */
export interface ServerEvent {
  type: string
  data: string
}

const maxPending = 1 << 20

/**
 * Cuts a text/event-stream into events (HTML Living Standard, 9.2.6). Only the fields "event" and "data" matter here.
 * Feed it chunks as they come; it keeps the unfinished rest, and throws when that grows beyond 1 MiB.
 */
export class EventStreamParser {
  #rest = ''
  #type = ''
  #data: string[] = []

  push(chunk: string): ServerEvent[] {
    this.#rest += chunk
    const events: ServerEvent[] = []
    for (;;) {
      const end = /\r\n|\n|\r(?=[^])/.exec(this.#rest)
      if (!end) break
      const line = this.#rest.slice(0, end.index)
      this.#rest = this.#rest.slice(end.index + end[0].length)
      const event = this.#line(line)
      if (event) events.push(event)
    }
    if (this.#rest.length > maxPending) throw new Error('event stream: line too long')
    return events
  }

  #line(line: string): ServerEvent | undefined {
    if (line === '') {
      const event = { type: this.#type || 'message', data: this.#data.join('\n') }
      const complete = this.#data.length > 0
      this.#type = ''
      this.#data = []
      return complete ? event : undefined
    }
    const colon = line.indexOf(':')
    if (colon === 0) return undefined
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') this.#type = value
    else if (field === 'data') this.#data.push(value)
    return undefined
  }
}
