import { pipeTopic, RoomPipes } from '../call/roompipes'
import { Transfers } from '../files/transfers.svelte'

/** Reliable data messages to one person in the room. */
export interface Post {
  /** Resolves when another may follow; rejects when it was not sent. */
  post(identity: string, topic: string, payload: Uint8Array): Promise<void>
  /** Follows those of a topic until the returned function is called. */
  overhear(topic: string, listener: (payload: Uint8Array, from: { identity: string; name: string }) => void): () => void
}

interface Someone {
  identity: string
  name: string
  local: boolean
  ingest: boolean
}

/** How long somebody who has gone may come back to the files that were on their way, in ms. */
const comesBack = 30_000

/** Files between the people of a room, each to one other (docs/call-protocol.md, "Files between two"), by way of the server. */
export class TeamFiles {
  readonly transfers = new Transfers()
  /** Who can be sent something. */
  people = $state.raw<{ id: string; name: string }[]>([])

  #pipes: RoomPipes
  #stop: () => void
  #gone = new Map<string, ReturnType<typeof setTimeout>>()

  constructor(post: Post) {
    this.#pipes = new RoomPipes((peer, message) => post.post(peer, pipeTopic, message), () => this.#attach())
    this.#stop = post.overhear(pipeTopic, (payload, { identity }) => this.#pipes.take(identity, payload as Uint8Array<ArrayBuffer>))
  }

  /** Tells who is here now; nobody, while the own connection is broken. */
  follow(everybody: readonly Someone[]) {
    const here = everybody.filter(({ local, ingest }) => !local && !ingest).map(({ identity, name }) => ({ id: identity, name }))
    for (const { id } of this.people) {
      if (here.some((person) => person.id === id)) continue
      this.#pipes.end(id)
      this.#gone.set(id, setTimeout(() => {
        this.#gone.delete(id)
        this.transfers.left(id)
      }, comesBack))
    }
    for (const { id } of here) {
      clearTimeout(this.#gone.get(id))
      this.#gone.delete(id)
    }
    this.people = here
    this.#attach()
  }

  #attach() {
    for (const { id, name } of this.people) {
      if (!this.#pipes.list.some(({ peer, onmessage }) => peer === id && onmessage)) this.transfers.attach(this.#pipes.to(id), name)
    }
  }

  close() {
    for (const timer of this.#gone.values()) clearTimeout(timer)
    this.people = []
    this.#stop()
    this.#pipes.close()
    this.transfers.close()
  }
}
