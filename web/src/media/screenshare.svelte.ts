import { problemBefore, problemOf, screenConstraints, surroundings, type DeviceProblem } from './devices'

/** The screen that this person shares, and its sound where there is one. Owned by whoever sends it. */
export class ScreenShare {
  picture = $state.raw<MediaStreamTrack>()
  sound = $state.raw<MediaStreamTrack>()
  problem = $state<DeviceProblem>()
  #stopped = false

  /** `changed` is called when a track appeared or went, `complain` when the screen cannot be had. */
  constructor(readonly changed: () => void, readonly complain: (problem: DeviceProblem) => void) {}

  async open() {
    this.problem = undefined
    if (typeof navigator.mediaDevices?.getDisplayMedia !== 'function') {
      this.#fail(problemBefore(surroundings()) ?? 'unsupported')
      return
    }
    let stream: MediaStream
    try {
      stream = await navigator.mediaDevices.getDisplayMedia(screenConstraints)
    } catch (error) {
      // Who closes the browser's question has changed their mind, and needs no word about it.
      if (problemOf(error) !== 'denied') this.#fail(problemOf(error))
      return
    }
    const [video] = stream.getVideoTracks()
    const [audio] = stream.getAudioTracks()
    if (!video || this.#stopped) {
      for (const track of stream.getTracks()) track.stop()
      return
    }
    video.contentHint = 'detail'
    if (audio) audio.contentHint = 'music'
    // The browser's own bar stops the sharing too, and a window that is closed.
    video.addEventListener('ended', () => {
      if (this.picture === video) this.close()
    })
    audio?.addEventListener('ended', () => {
      if (this.sound !== audio) return
      this.sound = undefined
      this.changed()
    })
    this.picture = video
    this.sound = audio
    this.changed()
  }

  #fail(problem: DeviceProblem) {
    this.problem = problem
    this.complain(problem)
  }

  close() {
    this.picture?.stop()
    this.sound?.stop()
    this.picture = this.sound = undefined
    this.changed()
  }

  /** Ends it for good; what the browser still brings is let go. */
  stop() {
    this.#stopped = true
    this.close()
  }
}
