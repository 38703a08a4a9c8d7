import type { Participant, Room } from 'livekit-client'

export interface Sender {
  identity: string
  name: string
}

/** Data messages between the people of a room, of which some may get lost. */
export interface Whispers {
  whisper(topic: string, payload: Uint8Array): void
  /** Follows those of a topic until the returned function is called. */
  overhear(topic: string, listener: (payload: Uint8Array, from: Sender) => void): () => void
}

type Listener = (payload: Uint8Array, from: Sender) => void

/** What the pages of a room tell each other beside its chat: bytes under a topic, by the room's data messages. */
export class Topics implements Whispers {
  #listeners = new Map<string, Set<Listener>>()

  constructor(readonly client: Room) {}

  /** To everybody, and lost where the network loses it. */
  whisper(topic: string, payload: Uint8Array) {
    if (this.client.state !== 'connected') return
    void this.client.localParticipant.publishData(payload as Uint8Array<ArrayBuffer>, { reliable: false, topic }).catch(() => {})
  }

  /** To one person, reliably. */
  async post(identity: string, topic: string, payload: Uint8Array) {
    if (this.client.state !== 'connected') throw new Error('the room is not connected')
    await this.client.localParticipant.publishData(payload as Uint8Array<ArrayBuffer>, { reliable: true, topic, destinationIdentities: [identity] })
  }

  /** Calls `listener` with whatever comes under a topic, until the returned function is called. */
  overhear(topic: string, listener: Listener): () => void {
    const all = this.#listeners.get(topic) ?? new Set()
    this.#listeners.set(topic, all.add(listener))
    return () => all.delete(listener)
  }

  hear(topic: string, payload: Uint8Array, from: Participant) {
    for (const listen of this.#listeners.get(topic) ?? []) listen(payload, { identity: from.identity, name: from.name || from.identity })
  }
}
