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

/**
 * Files between the people of a room, each to one other (docs/call-protocol.md, "Files between two"), by way of the server. They outlive a stay in
 * it, as somebody goes into a group and comes back. Whoever made it closes it.
 */
export class TeamFiles {
  readonly transfers = new Transfers()
  /** Who can be sent something. */
  people = $state.raw<{ id: string; name: string }[]>([])

  #room: Post | undefined
  #pipes: RoomPipes | undefined
  #stop = () => {}
  #gone = new Map<string, ReturnType<typeof setTimeout>>()

  /** Tells who is in the room now; nobody, while the own connection is broken. */
  follow(room: Post, everybody: readonly Someone[]) {
    if (room !== this.#room) this.#enter(room)
    this.#meet(everybody)
  }

  #enter(room: Post) {
    this.leave()
    const pipes = new RoomPipes((peer, message) => room.post(peer, pipeTopic, message), () => this.#attach())
    this.#room = room
    this.#pipes = pipes
    this.#stop = room.overhear(pipeTopic, (payload, { identity }) => pipes.take(identity, payload as Uint8Array<ArrayBuffer>))
  }

  /** The stay in the room is over. What was on its way goes on where the same people are soon met again. */
  leave() {
    this.#meet([])
    this.#stop()
    this.#pipes?.close()
    this.#room = this.#pipes = undefined
    this.#stop = () => {}
  }

  #meet(everybody: readonly Someone[]) {
    const here = everybody.filter(({ local, ingest }) => !local && !ingest).map(({ identity, name }) => ({ id: identity, name }))
    for (const { id } of this.people) {
      if (here.some((person) => person.id === id)) continue
      this.#pipes?.end(id)
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
    const pipes = this.#pipes
    if (!pipes) return
    for (const { id, name } of this.people) {
      if (!pipes.list.some(({ peer, onmessage }) => peer === id && onmessage)) this.transfers.attach(pipes.to(id), name)
    }
  }

  close() {
    this.leave()
    for (const timer of this.#gone.values()) clearTimeout(timer)
    this.transfers.close()
  }
}
