import type { Credential } from '../api/client'
import type { Admission } from '../api/types'
import type { Promotion, Scene } from '../audience/protocol'
import { Preview } from '../media/preview.svelte'
import { RoomSession } from '../room/session.svelte'
import type { RoomView } from '../room/view'

/** A viewer's way onto the stage: the own picture for some seconds, then the room in real time. Made-up ones serve screenshots. */
export interface SeatView {
  readonly phase: 'preview' | 'joining' | 'on'
  /** Seconds until others see it. */
  readonly left: number
  readonly picture: MediaStreamTrack | undefined
  readonly room: RoomView | undefined
  /** Goes up without waiting any longer. */
  now(): void
}

interface Wish {
  room: string
  title: string
  name: string
  identity: string
  credential: Credential
  scene: Scene | undefined
  promotion: Promotion & { token: string; url: string }
  /** In the room: the stage is heard without delay from now on, though nothing is sent before the preview is over. */
  onin(): void
  /** The room is over for this seat: brought down, replaced, or the connection was given up. */
  onover(): void
}

/**
 * It begins with devices, a countdown and the way into the room at once, so that what is sent after the preview is seen by all as soon as can be,
 * and ends with `leave`, which also ends the devices.
 */
export class Seat implements SeatView {
  phase = $state<SeatView['phase']>('preview')
  left = $state(0)
  readonly room: RoomSession

  #preview = new Preview()
  #timer = 0
  #ended = false

  constructor({ room, title, name, identity, credential, scene, promotion, onin, onover }: Wish) {
    this.left = promotion.preview
    const admission: Admission = { token: promotion.token, url: promotion.url, identity: '', role: 'guest', room }
    this.room = new RoomSession({
      room, title, publicWatch: true, name, identity, credential, admission,
      music: scene?.audio === 'music', codecs: scene?.codecs,
      // Who was let up has no key: the token is good for coming back as well.
      admit: async () => admission,
      quiet: true,
      unmeasured: true,
      onphase: (phase) => {
        if (this.#ended) return
        if (phase === 'connected') {
          onin()
          if (this.phase === 'joining') this.phase = 'on'
        }
        if (phase === 'over') onover()
      },
    })
    void this.#prepare()
  }

  get picture(): MediaStreamTrack | undefined {
    return this.#preview.video
  }

  async #prepare() {
    await this.#preview.start()
    if (this.#ended) return
    // The seconds are for looking at oneself, so they begin with the picture.
    if (this.left <= 0) {
      this.now()
      return
    }
    this.#timer = window.setInterval(() => {
      this.left--
      if (this.left <= 0) this.now()
    }, 1000)
  }

  now() {
    if (this.phase !== 'preview' || this.#ended) return
    if (this.#preview.starting) { // it goes on when there are devices
      this.left = 0
      return
    }
    clearInterval(this.#timer)
    this.phase = this.room.phase === 'connected' ? 'on' : 'joining'
    this.room.send(this.#preview.handOver())
  }

  async leave() {
    this.#ended = true
    clearInterval(this.#timer)
    this.#preview.stop()
    await this.room.leave()
  }
}
