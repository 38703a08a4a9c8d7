/** A device that ends twice within this time is not opened again by itself, in ms. */
const relapse = 10_000

/** Remembers which devices end by themselves each time they are opened, so that none is opened again and again. */
export class Relapses {
  #ended = new Map<string, number>()
  #relapsed = new Set<string>()

  /** Notes that a device ended, and tells whether it does so each time. */
  ended(device: string): boolean {
    const now = performance.now()
    const before = this.#ended.get(device) ?? -Infinity
    this.#ended.set(device, now)
    if (now - before <= relapse) this.#relapsed.add(device)
    else this.#relapsed.delete(device)
    return this.#relapsed.has(device)
  }

  has(device: string): boolean {
    return this.#relapsed.has(device)
  }

  /** Whether some device relapsed whose name begins so. */
  any(kind: string): boolean {
    return [...this.#relapsed].some((device) => device.startsWith(kind))
  }

  /** Whether a device has ended shortly before. */
  recent(device: string): boolean {
    return performance.now() - (this.#ended.get(device) ?? -Infinity) <= relapse
  }

  /** A device was plugged in, or somebody wishes to have it: what it did before says nothing. */
  forgive(device: string) {
    this.#ended.delete(device)
    this.#relapsed.delete(device)
  }

  clear() {
    this.#ended.clear()
    this.#relapsed.clear()
  }
}
