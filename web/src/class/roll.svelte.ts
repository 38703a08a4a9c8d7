import { api, type Credential } from '../api/client'
import type { RollCall, ServerEvent } from '../audience/protocol'
import { directs, type AudienceView } from '../audience/view'
import type { Asked, RollView, Stay } from './view'

/** How often the lists are asked for at most, in milliseconds. */
const every = 1500

/** A room's roll calls over the audience channel: hand it each of the channel's events. */
export class RollLink implements RollView {
  call = $state.raw<RollCall>()
  asked = $state.raw<Asked[]>([])
  stays = $state.raw<Stay[]>([])
  /** When the one began that this person has answered. */
  #answered = $state('')
  #audience: AudienceView
  #room: string
  #credential: () => Credential
  #timer = 0

  constructor(audience: AudienceView, room: string, credential: () => Credential) {
    this.#audience = audience
    this.#room = room
    this.#credential = credential
  }

  stop() {
    clearTimeout(this.#timer)
  }

  get asks() {
    return this.call?.open === true && this.#answered !== this.call.begun
  }

  heard(event: ServerEvent) {
    if (event.type === 'welcome') {
      this.call = event.rollcall
    } else if (event.type === 'rollcall') {
      const { type: _, ...call } = event
      this.call = call
      if (directs(this.#audience)) this.#timer ||= window.setTimeout(() => void this.refresh(), every)
    }
  }

  async refresh() {
    clearTimeout(this.#timer)
    this.#timer = 0
    try {
      const [roll, attendance] = await Promise.all([
        this.call ? api.rollcall(this.#room, this.#credential()) : undefined, api.attendance(this.#room, this.#credential()),
      ])
      this.asked = roll?.people.map(({ identity, name, at = '' }) => ({ identity, name, at })) ?? []
      this.stays = attendance.people
    } catch {
      // The lists stay as they were; the next word of the room asks again.
    }
  }

  begin(seconds: number) {
    return this.#audience.do({ type: 'callRoll', seconds })
  }

  end() {
    return this.#audience.do({ type: 'endRoll' })
  }

  async answer() {
    const begun = this.call?.begun ?? ''
    const done = await this.#audience.do({ type: 'answerRoll' })
    if (done) this.#answered = begun
    return done
  }
}
