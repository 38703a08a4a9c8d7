/** What stands between the accompaniment and the room. */
export interface Outlet {
  /** Sends a track as music, beside the voice. */
  playMusic(track: MediaStreamTrack): Promise<void>
  endMusic(): Promise<void>
}

/** How much longer the sound of the room's music may be held back than is measured, either way, in seconds. */
export const maxShift = 0.3

/**
 * Plays an accompaniment to the singer and sends it to the room. Who sings hears it late by the way to the ear, and is heard late by the way of the
 * microphone; so what the room gets is held back by both, and the voice and the music that were sung together leave together.
 */
export class Accompanist {
  playing = $state(false)
  /** What was loaded: the song's id. */
  loaded = $state('')
  duration = $state(0)
  /** How loud it is in the room, and in the own ear; 1 is as in the file. */
  volume = $state(0.7)
  monitor = $state(0.8)
  /** Added to how long the room's music is held back, in seconds. */
  shift = $state(0)

  #outlet: Outlet
  #context: AudioContext | undefined
  #buffer: AudioBuffer | undefined
  #source: AudioBufferSourceNode | undefined
  #toRoom: GainNode | undefined
  #toEar: GainNode | undefined
  #hold: DelayNode | undefined
  #destination: MediaStreamAudioDestinationNode | undefined
  /** The context's time at which the song was at its beginning, while it plays; where it stands, while it does not. */
  #began = 0
  #stands = 0
  /** Counts what starts and silences it: what was begun before the last of it is not carried on. */
  #start = 0
  #ended: () => void = () => {}
  #closed = false
  /** How late the microphone is, in seconds. */
  #microphone: () => number

  constructor(outlet: Outlet, microphone: () => number = () => 0) {
    this.#outlet = outlet
    this.#microphone = microphone
  }

  /** Takes a file of this computer, or fetches one from the server. */
  async load(song: string, from: File | string) {
    const bytes = typeof from === 'string' ? await fetch(from, { credentials: 'omit' }).then((r) => (r.ok ? r.arrayBuffer() : Promise.reject(new Error(r.statusText)))) : await from.arrayBuffer()
    if (this.#closed) return
    this.#open()
    const buffer = await this.#context!.decodeAudioData(bytes)
    if (this.#closed) return
    this.stop()
    this.#buffer = buffer
    this.duration = buffer.duration
    this.#stands = 0
    this.loaded = song
  }

  #open() {
    if (this.#context) return
    const context = new AudioContext({ latencyHint: 'interactive', sampleRate: 48_000 })
    this.#context = context
    this.#toEar = new GainNode(context)
    this.#toRoom = new GainNode(context)
    this.#hold = new DelayNode(context, { maxDelayTime: 1 + maxShift })
    this.#destination = new MediaStreamAudioDestinationNode(context, { channelCount: 2 })
    this.#toEar.connect(context.destination)
    this.#toRoom.connect(this.#hold).connect(this.#destination)
  }

  /** Where the song is, in seconds. */
  get position(): number {
    if (!this.playing || !this.#context) return this.#stands
    return Math.min(this.duration, Math.max(0, this.#context.currentTime - this.#began))
  }

  /** How long the room's music is held back, in seconds. */
  get held(): number {
    const context = this.#context
    return Math.max(0, (context?.outputLatency || context?.baseLatency || 0) + this.#microphone() + this.shift)
  }

  /** Follows the sliders. */
  tune() {
    const context = this.#context
    if (!context) return
    this.#toRoom!.gain.setTargetAtTime(this.volume, context.currentTime, 0.02)
    this.#toEar!.gain.setTargetAtTime(this.monitor, context.currentTime, 0.02)
    this.#hold!.delayTime.value = this.held
  }

  /** Plays from a place; resolves to whether it does, once it is heard. It does not where nothing is loaded, or it was paused or stopped meanwhile. */
  async play(position = this.position, ended: () => void = () => {}): Promise<boolean> {
    const context = this.#context
    const buffer = this.#buffer
    if (!context || !buffer) return false
    const start = ++this.#start
    await context.resume()
    if (start === this.#start) await this.#outlet.playMusic(this.#destination!.stream.getAudioTracks()[0]!)
    if (start !== this.#start) return false
    this.#silence()
    this.tune()
    const source = new AudioBufferSourceNode(context, { buffer })
    source.connect(this.#toRoom!)
    source.connect(this.#toEar!)
    const at = context.currentTime + 0.05
    source.start(at, position)
    this.#source = source
    this.#began = at - position
    this.#ended = ended
    source.onended = () => {
      if (source !== this.#source) return
      this.#stands = this.duration
      this.playing = false
      this.#ended()
    }
    this.playing = true
    return true
  }

  pause(): number {
    this.#stands = this.position
    this.#silence()
    this.playing = false
    return this.#stands
  }

  #silence() {
    this.#start++
    const source = this.#source
    this.#source = undefined
    source?.stop()
    source?.disconnect()
  }

  /** Stops, forgets the song, and sends no more music. */
  stop() {
    void this.#end()
  }

  async #end() {
    this.#silence()
    this.playing = false
    this.loaded = ''
    this.#buffer = undefined
    await this.#outlet.endMusic().catch(() => {})
  }

  /** Lets go of everything. */
  async close() {
    this.#closed = true
    await this.#end()
    await this.#context?.close()
    this.#context = undefined
  }
}
