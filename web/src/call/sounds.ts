import { applySpeaker } from '../media/speaker'
import type { Feed } from './link'

/** Plays the sounds of a call, each in an element of its own, on the speaker that was chosen. Owned by the session. */
export class Sounds {
  #all = new Map<MediaStreamTrack, { element: HTMLAudioElement; stop: () => void }>()
  #box = document.createElement('div')

  /** `onblocked` is told whether the browser plays without sound until somebody taps. */
  constructor(readonly onblocked: (blocked: boolean) => void) {
    this.#box.hidden = true
    document.body.append(this.#box)
  }

  /** Plays these and no others. Whoever is reached over several links is heard over the one for which `heard` holds. */
  follow(feeds: Feed[], heard: (feed: Feed) => boolean) {
    const wanted = new Map(feeds.map((feed) => [feed.track, feed]))
    for (const [track, { element, stop }] of this.#all) {
      if (wanted.has(track)) continue
      stop()
      element.srcObject = null
      element.remove()
      this.#all.delete(track)
    }
    for (const [track, feed] of wanted) {
      const { element } = this.#all.get(track) ?? this.#add(track)
      element.dataset.member = feed.member
      const on = heard(feed)
      if (element.muted !== on) continue
      element.muted = !on
      if (on) this.#play(element)
    }
  }

  #add(track: MediaStreamTrack) {
    const element = document.createElement('audio')
    element.autoplay = true
    element.muted = true
    element.srcObject = new MediaStream([track])
    const sound = { element, stop: applySpeaker(element) }
    this.#all.set(track, sound)
    this.#box.append(element)
    return sound
  }

  #play(element: HTMLAudioElement) {
    element.play().then(
      () => this.onblocked(false),
      (error: unknown) => {
        if (error instanceof DOMException && error.name === 'NotAllowedError') this.onblocked(true)
      },
    )
  }

  /** Plays what the browser did not, from a tap. */
  start() {
    this.onblocked(false)
    for (const { element } of this.#all.values()) this.#play(element)
  }

  close() {
    for (const { stop } of this.#all.values()) stop()
    this.#box.remove()
  }
}
