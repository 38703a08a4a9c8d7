import { credentialHeaders } from '../api/client'
import type { Known } from './known'

/** A card's picture, asked for with the key in a header, since addresses are kept in logs. The last one that came is shown until there is another. */
export class CardPicture {
  /** Where it is shown from; empty while there is none. */
  src = $state('')
  #path = ''
  #turn = 0

  /** Asks for it anew; what is over looks the same for good. */
  async look({ picture, key, viewers }: Known) {
    if (picture === this.#path && viewers === undefined && this.src !== '') return
    const turn = ++this.#turn
    const blob = picture === '' ? undefined : await fetch(picture, { headers: credentialHeaders({ key }), credentials: 'omit' })
      .then((response) => (response.ok ? response.blob() : undefined))
      .catch(() => undefined)
    if (turn !== this.#turn) return
    if (blob) this.#show(URL.createObjectURL(blob))
    else if (picture !== this.#path) this.#show('')
    this.#path = picture
  }

  /** Lets go of it, and of what was asked for. */
  drop() {
    this.#turn++
    this.#show('')
  }

  #show(src: string) {
    if (this.src !== '') URL.revokeObjectURL(this.src)
    this.src = src
  }
}
