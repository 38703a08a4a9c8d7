import { AudioPresets, LocalAudioTrack, Track, type LocalParticipant } from 'livekit-client'

/** How music is sent: stereo at 128 kbit/s, never thinned out in pauses. */
export const musicDefaults = { audioPreset: AudioPresets.musicHighQualityStereo, forceStereo: true, dtx: false, red: false } as const

/** Music that somebody sends beside their voice: a copy of what it is made of, since what is sent ends with the connection. One thing at a time. */
export class Music {
  #sent: { track: LocalAudioTrack; of: MediaStreamTrack } | undefined
  /** What was last asked; the next waits for it. */
  #done: Promise<unknown> = Promise.resolve()

  constructor(readonly person: () => LocalParticipant) {}

  play(of: MediaStreamTrack): Promise<void> {
    return this.#after(async () => {
      const person = this.person()
      // The sound of a shared screen has the same source, so only the track itself tells.
      const published = [...person.trackPublications.values()].some((publication) => publication.track === this.#sent?.track)
      if (this.#sent?.of === of && published) return
      const track = new LocalAudioTrack(of.clone(), undefined, true)
      this.#sent = { track, of }
      await person.publishTrack(track, { source: Track.Source.ScreenShareAudio, name: 'accompaniment', ...musicDefaults })
    })
  }

  /** Sends again what was sent before the connection broke off. */
  async again() {
    if (this.#sent) await this.play(this.#sent.of)
  }

  /** `over` tells that there is nothing left to take it back from. */
  end(over: boolean): Promise<void> {
    return this.#after(async () => {
      const sent = this.#sent
      this.#sent = undefined
      if (sent && !over) await this.person().unpublishTrack(sent.track, false)
      sent?.track.mediaStreamTrack.stop()
    })
  }

  #after(work: () => Promise<void>): Promise<void> {
    const done = this.#done.catch(() => {}).then(work)
    this.#done = done
    return done
  }
}
