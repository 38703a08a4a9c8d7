import type { Participant, Room } from 'livekit-client'
import { chatTopic, decodeChat, encodeChat } from './chat'
import type { ChatMessage } from './view'

const most = 500

/** The chat of a room without an audience channel, as far back as this page heard it. */
export class Messages {
  list = $state.raw<ChatMessage[]>([])
  #count = 0

  /** `name` is what the own messages stand under. */
  constructor(readonly client: Room, readonly name: string) {}

  async say(text: string) {
    const payload = { id: crypto.getRandomValues(new Uint32Array(2)).join('-'), timestamp: Date.now(), message: text }
    await this.client.localParticipant.publishData(encodeChat(payload), { reliable: true, topic: chatTopic })
    const { identity } = this.client.localParticipant
    this.#keep({ from: this.name, identity, own: true, text, at: payload.timestamp })
  }

  hear(data: Uint8Array, from: Participant) {
    const message = decodeChat(data, Date.now())
    if (!message) return
    this.#keep({
      from: from.name || from.identity, identity: from.identity, own: false, text: message.message, at: message.timestamp,
    })
  }

  /** Tells messages apart by a count: what a sender calls one may be said twice. */
  #keep(message: Omit<ChatMessage, 'id'>) {
    this.list = [...this.list.slice(1 - most), { ...message, id: String(++this.#count) }]
  }
}
