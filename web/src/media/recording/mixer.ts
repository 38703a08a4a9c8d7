/** How long a browser may take to start mixing, in milliseconds. */
const patience = 2000

/** Mixes the sound of everybody into one track. Its owner closes it; the tracks it mixes stay theirs. */
export class Mixer {
  #context = new AudioContext({ sampleRate: 48_000 })
  #out = this.#context.createMediaStreamDestination()
  #limiter = this.#context.createDynamicsCompressor()
  #inputs = new Map<MediaStreamTrack, MediaStreamAudioSourceNode>()
  #silence: ConstantSourceNode

  constructor() {
    // Two loud voices at once must not clip; one alone passes as it is.
    this.#limiter.threshold.value = -6
    this.#limiter.knee.value = 4
    this.#limiter.ratio.value = 12
    this.#limiter.attack.value = 0.003
    this.#limiter.connect(this.#out)
    // A recorder waits for sound that never comes, so there always is some.
    this.#silence = new ConstantSourceNode(this.#context, { offset: 0 })
    this.#silence.connect(this.#limiter)
    this.#silence.start()
  }

  get track(): MediaStreamTrack {
    return this.#out.stream.getAudioTracks()[0]!
  }

  /** Mixes exactly these from now on. */
  set(tracks: MediaStreamTrack[]) {
    const wanted = new Set(tracks.filter((track) => track.readyState === 'live'))
    for (const [track, node] of this.#inputs) {
      if (wanted.has(track)) continue
      node.disconnect()
      this.#inputs.delete(track)
    }
    for (const track of wanted) {
      if (this.#inputs.has(track)) continue
      const node = this.#context.createMediaStreamSource(new MediaStream([track]))
      node.connect(this.#limiter)
      this.#inputs.set(track, node)
    }
  }

  /**
   * Starts the mixing, and tells whether it goes: a browser that may not play, or has nothing to play on, says nothing at all.
   */
  async start(): Promise<boolean> {
    await Promise.race([this.#context.resume(), new Promise((resolve) => setTimeout(resolve, patience))])
    return this.#context.state === 'running'
  }

  close() {
    this.set([])
    this.#silence.stop()
    this.track.stop()
    void this.#context.close()
  }
}
