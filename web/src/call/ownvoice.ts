import { watchLevel } from '../media/level'

/** From this level on somebody speaks (`media/level`), and for so many looks after it, 20 a second. */
const loud = 0.45
const lingers = 10

/** Hears whether this person speaks, by the own microphone. Owned by the session. */
export class OwnVoice {
  speaking = false
  #track: MediaStreamTrack | undefined
  #stop = () => {}

  /** `on` tells whether the microphone is; `changed` is called when somebody begins or ends to speak. */
  constructor(readonly on: () => boolean, readonly changed: () => void) {}

  follow(track: MediaStreamTrack | undefined) {
    if (track === this.#track) return
    this.close()
    this.#track = track
    if (!track) return
    let quiet = 0
    this.#stop = watchLevel(new MediaStream([track]), (level) => {
      quiet = level > loud ? 0 : quiet + 1
      const speaking = quiet < lingers && this.on()
      if (speaking === this.speaking) return
      this.speaking = speaking
      this.changed()
    })
  }

  close() {
    this.#stop()
    this.#stop = () => {}
    this.#track = undefined
    this.speaking = false
  }
}
