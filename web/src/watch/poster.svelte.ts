import { credentialHeaders, type Credential } from '../api/client'

/** How long the show itself may take before its picture is asked for, in milliseconds: mostly it is there sooner. */
const after = 400

/** A picture of the show for the time before its first frame. */
export class Poster {
  /** Where it is shown from; empty while there is none. */
  src = $state('')
  #turn = 0

  /** Asks for it if nobody drops it soon. */
  ask(room: string, credential: Credential) {
    const turn = ++this.#turn
    setTimeout(() => void this.#fetch(room, credential, turn), after)
  }

  async #fetch(room: string, credential: Credential, turn: number) {
    if (turn !== this.#turn) return
    try {
      const response = await fetch(`/api/rooms/${encodeURIComponent(room)}/snapshot.jpg`, { headers: credentialHeaders(credential), credentials: 'omit' })
      const blob = response.ok ? await response.blob() : undefined
      if (blob && turn === this.#turn) this.#show(blob)
    } catch {
      // The show itself says that the network is gone.
    }
  }

  #show(picture: Blob | undefined) {
    if (this.src !== '') URL.revokeObjectURL(this.src)
    this.src = picture ? URL.createObjectURL(picture) : ''
  }

  /** Lets go of it, and of what was asked for. */
  drop() {
    this.#turn++
    this.#show(undefined)
  }
}
