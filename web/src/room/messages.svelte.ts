import type { Participant, Room } from 'livekit-client'
import { chatTopic, decodeChat, encodeChat } from './chat'
import { Kept } from './kept.svelte'

/** The chat of a room without an audience channel, as far back as this page heard it. */
export class Messages {
  readonly kept = new Kept()

  /** `name` is what the own messages stand under. */
  constructor(readonly client: Room, readonly name: string) {}

  async say(text: string) {
    const payload = { id: crypto.getRandomValues(new Uint32Array(2)).join('-'), timestamp: Date.now(), message: text }
    await this.client.localParticipant.publishData(encodeChat(payload), { reliable: true, topic: chatTopic })
    const { identity } = this.client.localParticipant
    this.kept.add({ from: this.name, identity, own: true, text, at: payload.timestamp })
  }

  hear(data: Uint8Array, from: Participant) {
    const message = decodeChat(data, Date.now())
    if (!message) return
    this.kept.add({
      from: from.name || from.identity, identity: from.identity, own: false, text: message.message, at: message.timestamp,
    })
  }
}
