import { untrack } from 'svelte'
import { SvelteMap } from 'svelte/reactivity'
import { serverTime } from '../audience/clock'
import type { Playing } from '../audience/protocol'
import type { AudienceView } from '../audience/view'
import { t } from '../i18n/index.svelte'
import { toast } from '../ui/toasts.svelte'
import type { Accompanist } from './accompanist.svelte'
import { positionOf } from './clock'
import { stepOf } from './turn'
import type { SingingView } from './view'

/**
 * The own part in the room's songs. It lasts as long as the stay in the room, so that the accompaniment follows the songs whatever is open on the page:
 * it is made while a component is set up, and its effects end with that.
 */
export class Singing implements SingingView {
  /** Something was asked for and is not done yet. */
  busy = $state(false)

  readonly accompanist: Accompanist
  #audience: AudienceView
  /** Files that were chosen for songs, by the song's id. */
  #files = new SvelteMap<string, File>()

  /** `connected` tells whether the room takes what is played. */
  constructor(audience: AudienceView, accompanist: Accompanist, connected: () => boolean) {
    this.#audience = audience
    this.accompanist = accompanist

    let before = ''
    $effect(() => {
      const { song, turn } = this
      const { loaded, playing } = accompanist
      const step = stepOf({ song, turn, before, loaded, playing, here: song !== undefined && this.has(song) })
      // Whose room is not there yet goes on when it is.
      if (step === 'goOn' && !connected()) return
      // Once it has stopped there may be more to do.
      if (step !== 'stop') before = turn && song ? song.id : ''
      untrack(() => {
        if (step === 'stop') this.#forget(loaded)
        else if (step === 'pause') accompanist.pause()
        else if (step === 'goOn') void this.#do(() => this.#goOn(song!))
        else if (step === 'stand') {
          toast(t().karaoke.fileGone, 'bad')
          void this.#stand(song!)
        }
      })
    })
    $effect(() => {
      void [accompanist.volume, accompanist.monitor, accompanist.shift]
      accompanist.tune()
    })
  }

  /** What is sung now. */
  get song(): Playing | undefined {
    return this.#audience.state.songs?.now
  }

  /** Whether it is one's own turn to sing it. */
  get turn(): boolean {
    return this.song?.singers[this.song.turn]?.identity === this.#audience.state.you.identity
  }

  /** Whether there is a sound to a song, here or on the server. */
  has(song: { id: string; url?: string }): boolean {
    return song.url !== undefined || this.accompanist.loaded === song.id || this.#files.has(song.id)
  }

  /** Takes a file for a song that is sung later. */
  keep(song: string, file: File) {
    this.#files.set(song, file)
  }

  /** Takes a file for the song that is sung now. */
  take(file: File) {
    const song = this.song
    if (!song) return Promise.resolve()
    this.#files.set(song.id, file)
    return this.#do(() => this.#load(song))
  }

  /** Plays to the room from where the song stands, after fetching what is played. */
  play() {
    const song = this.song
    if (!song) return Promise.resolve()
    return this.#do(async () => {
      if (await this.#load(song)) await this.#from(song, song.position)
    })
  }

  pause() {
    const song = this.song
    if (!song) return Promise.resolve()
    return this.#do(() => this.#audience.do({ type: 'pauseSong', song: song.id, position: this.accompanist.pause() }))
  }

  /** The other of two goes on from here. */
  handOver() {
    const song = this.song
    if (!song) return Promise.resolve()
    return this.#do(() => this.#audience.do({ type: 'turnSong', song: song.id, position: this.accompanist.pause() }))
  }

  /** Goes on with a song that plays already. Where that fails it must not play on for everybody without a sound. */
  async #goOn(song: Playing) {
    try {
      if (await this.#load(song)) await this.#from(song, this.#placeOf(song))
    } catch (error) {
      await this.#stand(song)
      throw error
    }
  }

  /** Resolves to whether the song is loaded and still to be played. */
  async #load(song: Playing): Promise<boolean> {
    const from = song.url ?? this.#files.get(song.id)
    if (this.accompanist.loaded !== song.id && from) {
      try {
        await this.accompanist.load(song.id, from)
      } catch (error) {
        // Another file can be chosen.
        this.#files.delete(song.id)
        throw error
      }
    }
    return this.accompanist.loaded === song.id && this.turn && this.song?.id === song.id
  }

  async #from(song: Playing, position: number) {
    const ended = () => void this.#audience.do({ type: 'removeSong', song: song.id })
    if (await this.accompanist.play(position, ended)) await this.#audience.do({ type: 'playSong', song: song.id, position: this.accompanist.position })
  }

  /** Has a song that plays stand still where it is. */
  async #stand(song: Playing) {
    if (this.turn && this.song?.id === song.id) await this.#audience.do({ type: 'pauseSong', song: song.id, position: this.#placeOf(song) })
  }

  #placeOf(song: Playing): number {
    return Math.max(0, positionOf(song, serverTime(this.#audience.state), 0))
  }

  #forget(song: string) {
    this.accompanist.stop()
    this.#files.delete(song)
  }

  async #do(work: () => Promise<unknown>) {
    this.busy = true
    try {
      await work()
    } catch {
      toast(t().karaoke.noSound, 'bad')
    }
    this.busy = false
  }
}
