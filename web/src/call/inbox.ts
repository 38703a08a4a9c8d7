type Reader = ((message: Uint8Array<ArrayBuffer>) => void) | undefined

/** Bytes that are kept for a reader who has not come yet. */
const most = 4 << 20

/** Messages for a reader, kept until there is one. */
export class Inbox {
  #reader: Reader
  #kept: Uint8Array<ArrayBuffer>[] = []
  #size = 0

  get reader(): Reader {
    return this.#reader
  }

  set reader(reader: Reader) {
    this.#reader = reader
    if (!reader) return
    this.#size = 0
    for (const message of this.#kept.splice(0)) reader(message)
  }

  put(message: Uint8Array<ArrayBuffer>) {
    if (this.#reader) {
      this.#reader(message)
    } else if (this.#size + message.length <= most) {
      this.#size += message.length
      this.#kept.push(message)
    }
  }
}
