import { api, codeOf, type ApiError, type Credential } from '../api/client'
import { followStatus } from '../api/status'
import type { LiveOn, LiveStatus, Protocol, RoomSummary } from '../api/types'
import { abilities, credentialFor, waysToPlay, type Abilities } from './choose'
import { followPauses, inOwnPlayer, isFloating, takeKeys } from './pauses'
import { mayPlay, type Delay, type Failure, type History, type Player, type Quality } from './player'
import { Poster } from './poster.svelte'

export type WatchPhase =
  | 'loading'
  /** Not started yet. */
  | 'waiting'
  /** The server was restarted; the show may go on. */
  | 'returning'
  /** Before the first picture. */
  | 'starting'
  | 'switching'
  | 'playing'
  | 'buffering'
  | 'reconnecting'
  | 'ended'
  | 'forbidden'
  | 'expired'
  | 'missing'
  | 'cannot'

/** What the screen shows of somebody's watching; made-up ones serve screenshots. */
export interface WatchView {
  readonly room: string
  readonly summary: RoomSummary | undefined
  readonly phase: WatchPhase
  readonly live: LiveOn | undefined
  readonly protocol: Protocol | undefined
  /** What the reader chose; undefined is automatic. */
  readonly chosen: Protocol | undefined
  readonly possible: Protocol[]
  readonly delay: Delay | undefined
  /** How far back the show can be seen in the way it plays now. */
  readonly history: History | undefined
  /** The sizes to choose from, where the way it plays now has several. */
  readonly quality: Quality | undefined
  /** The address of a picture for the time before the first frame; empty for none. */
  readonly poster: string
  /** The browser plays without sound until somebody taps. */
  readonly soundBlocked: boolean
  readonly muted: boolean
  /** It stands still until somebody plays it: they paused it, or the browser plays nothing by itself. */
  readonly paused: boolean
  attach(video: HTMLVideoElement): void
  choose(protocol: Protocol | undefined): void
  chooseQuality(height: number | undefined): void
  setMuted(muted: boolean): void
  /** Plays on, by somebody's wish. */
  play(): void
  /** Goes so many seconds back; 0 is the newest. */
  goBack(seconds: number): void
  retry(): void
  /** Plays nothing while somebody is on stage, and the show is followed all the same. */
  suspend(): void
  resume(): void
  stop(): void
}

/** How long a way of playing may take to show something, in milliseconds. */
const startLimit: Record<Protocol, number> = { whep: 7_000, flv: 8_000, hls: 14_000 }
const bufferingAfter = 2_500
const brokenAfter = 9_000
const checkEvery = 500
/** What has stood still for longer is fetched no more, and begins anew when it is played. */
const standsFor = 30_000
/** The same in a floating window, which would close. */
const floatsFor = 600_000
const maxRetryDelay = 5_000

/** Follows one room's show and plays it for as long as it is on, in the best way that works. */
export class Watching implements WatchView {
  readonly room: string
  summary = $state.raw<RoomSummary>()
  phase = $state<WatchPhase>('loading')
  live = $state.raw<LiveOn>()
  protocol = $state<Protocol>()
  chosen = $state<Protocol>()
  delay = $state.raw<Delay>()
  history = $state.raw<History>()
  quality = $state.raw<Quality>()
  soundBlocked = $state(false)
  muted = $state(false)
  paused = $state(false)

  #credential: Credential
  #can: Abilities
  #video?: HTMLVideoElement
  #player?: Player | undefined
  /** Bumped with every start and stop, so that what an older player says is not heard. */
  #turn = 0
  /** Ways that failed since something last played. */
  #failed = new Map<Protocol, Failure>()
  #played = false
  /** Has no player until somebody plays it. */
  #rests = false
  /** A picture has been on the page: the last one is held then, so that none is needed for the time before the first. */
  #seen = false
  /** The size that the reader chose, for every player that has it. */
  #height: number | undefined
  #wasLive = false
  #suspended = false
  #retryDelay = 500
  #retryTimer = 0
  #check = 0
  #unfollow = () => {}
  #unfollowPauses = () => {}
  #releaseKeys: (() => void) | undefined
  #poster = new Poster()
  #onback: () => void

  constructor(room: string, credential: Credential) {
    this.room = room
    this.#credential = credential
    this.#can = abilities(navigator.userAgent)
    this.#onback = () => {
      if (document.visibilityState !== 'visible') return
      if (this.#video?.paused && !this.paused) this.#playOn(this.#video)
      else this.#player?.catchUp()
      if (this.phase === 'reconnecting') this.retry()
    }
    document.addEventListener('visibilitychange', this.#onback)
    addEventListener('online', this.#onback)
    void this.#open()
  }

  get poster(): string {
    return this.#poster.src
  }

  get possible(): Protocol[] {
    return this.live ? waysToPlay(this.live.play, this.#can) : []
  }

  async #open() {
    try {
      this.summary = await api.room(this.room, this.#credential)
    } catch (error) {
      if (codeOf(error) === 'bad_name' || codeOf(error) === 'not_found') {
        this.phase = 'missing'
        return
      }
      // The event stream tells the rest, and goes on trying while the server is away.
    }
    this.#unfollow = followStatus(this.room, this.#credential, {
      status: (status) => this.#heard(status),
      refused: (error) => this.#refused(error),
      lost: () => {
        if (this.phase === 'loading') this.phase = 'reconnecting'
      },
    })
  }

  /** Somebody may have opened the room in the meantime. */
  async #lookAgain() {
    try {
      this.summary = await api.room(this.room, this.#credential)
    } catch {
      // What is known stays.
    }
  }

  #refused(error: ApiError) {
    this.#leave()
    this.live = undefined
    this.phase = error.code === 'expired' ? 'expired' : error.code === 'bad_name' ? 'missing' : 'forbidden'
  }

  #heard(status: LiveStatus) {
    if (!status.on) {
      this.live = undefined
      this.#leave()
      if (!status.returning) this.paused = false
      this.#failed.clear()
      if (status.returning) this.#wasLive = true
      this.phase = status.returning ? 'returning' : this.#wasLive ? 'ended' : 'waiting'
      if (this.summary?.exists === false) void this.#lookAgain()
      return
    }
    const before = this.live
    this.live = status
    this.#wasLive = true
    const idle = ['loading', 'waiting', 'returning', 'ended'].includes(this.phase)
    const restarted = before !== undefined && (before.since !== status.since || before.resumed !== status.resumed)
    const changed = this.phase === 'cannot' && before?.video?.codec !== status.video?.codec
    // Players over HTTP learn at their start whether there are sound and picture; WebRTC takes what comes.
    const reshaped =
      before !== undefined && this.#player !== undefined && this.protocol !== 'whep' &&
      ((before.video === null) !== (status.video === null) || (before.audio === null) !== (status.audio === null))
    if (idle || restarted || changed) {
      this.#failed.clear()
      this.#play('starting')
    } else if (reshaped) {
      this.#play('switching')
    } else if (this.phase === 'reconnecting' && !this.#retryTimer && !this.#player) {
      this.#play('reconnecting')
    }
  }

  attach(video: HTMLVideoElement) {
    this.#video = video
    this.#unfollowPauses = followPauses(video, {
      // A player that ends pauses, too.
      stopped: () => (this.paused ||= this.#player !== undefined),
      stands: () => {
        if (!this.#player || this.paused) return false
        // Headphones may be gone, or another program is heard now: sound is for a tap.
        this.soundBlocked ||= !this.muted
        this.#playOn(video)
        return true
      },
      played: () => {
        if (this.paused) this.play()
      },
      wanted: () => this.play(),
    })
    if (this.live && !this.#player) this.#play('starting')
  }

  choose(protocol: Protocol | undefined) {
    this.chosen = protocol
    this.#failed.clear()
    if (this.live) this.#play('switching')
  }

  chooseQuality(height: number | undefined) {
    this.#height = height
    this.#player?.chooseQuality?.(height)
    this.quality = this.#player?.quality?.()
  }

  setMuted(muted: boolean) {
    this.muted = muted
    this.soundBlocked = false
    if (!this.#video) return
    this.#video.muted = muted
    if (!this.paused) void this.#video.play().catch(() => {})
  }

  #pause() {
    this.paused = true
    this.#video?.pause()
  }

  play() {
    this.paused = false
    this.soundBlocked = false
    if (!this.#video) return
    if (this.#rests) void this.#video.play().catch(() => {}) // within the tap, without which a browser may not let it later
    this.#playOn(this.#video)
  }

  /** A picture that stood still goes on where the show is. */
  #playOn(video: HTMLVideoElement) {
    if (this.#player) {
      this.#player.catchUp()
      void this.#sound(video)
    } else if (this.#rests) {
      this.#play('starting')
    }
  }

  goBack(seconds: number) {
    this.#player?.goBack?.(seconds)
    this.history = this.#player?.history?.()
  }

  retry() {
    this.#failed.clear()
    this.#retryDelay = 500
    if (this.live) this.#play('starting')
  }

  suspend() {
    this.#suspended = true
    this.paused = false
    this.#leave()
  }

  resume() {
    if (!this.#suspended) return
    this.#suspended = false
    this.retry()
  }

  /** Starts the first way that has not failed. */
  #play(phase: 'starting' | 'switching' | 'reconnecting') {
    this.#end()
    if (this.#suspended) return
    const live = this.live
    const video = this.#video
    if (!live || !video) return
    this.#releaseKeys ??= takeKeys({ pause: () => this.#pause(), play: () => this.play() })
    if (this.paused) {
      this.#rest()
      return
    }
    const way = waysToPlay(live.play, this.#can, this.chosen).find((p) => !this.#failed.has(p))
    if (!way) {
      this.#exhausted()
      return
    }
    const turn = ++this.#turn
    this.protocol = way
    this.phase = phase
    this.#played = false
    if (phase === 'starting' && live.video && !this.#seen) this.#poster.ask(this.room, this.#credential)
    void this.#start(way, live, video, turn)
  }

  async #start(way: Protocol, live: LiveOn, video: HTMLVideoElement, turn: number) {
    const failed = (why: Failure) => {
      if (turn === this.#turn) this.#fail(way, why)
    }
    try {
      const make =
        way === 'whep'
          ? (await import('./whep')).playWhep
          : way === 'flv'
            ? (await import('./flv')).playFlv
            : this.#can.mse || !this.#can.nativeHls
              ? (await import('./hls')).playHls
              : (await import('./native')).playNativeHls
      if (turn !== this.#turn) return
      const { video: picture, audio } = this.live ?? live // what came or went while the player was fetched
      this.#player = make({
        video, url: live.play[way]!, credential: credentialFor(way, live.play[way]!, location.href, this.#credential), failed,
        hasVideo: picture !== null, hasAudio: audio !== null,
      })
    } catch {
      failed('network')
      return
    }
    void this.#sound(video)
    this.#supervise(way, turn, video)
  }

  /** Plays with sound where the browser lets us, else without, else not at all, and says so. */
  async #sound(video: HTMLVideoElement) {
    if (this.paused) return
    video.muted = this.muted || this.soundBlocked
    if (await mayPlay(video)) return
    this.soundBlocked = !this.muted
    video.muted = true
    if (!(await mayPlay(video))) this.paused = true
  }

  /** Watches that something arrives: first within the limit, then all the time. */
  #supervise(way: Protocol, turn: number, video: HTMLVideoElement) {
    let began = performance.now()
    let last = -1
    let movedAt = began
    let ticks = 0
    let sized = false
    let stoodAt = began
    const tick = async () => {
      const player = this.#player
      if (turn !== this.#turn || !player) return
      const at = await player.progress()
      if (turn !== this.#turn) return
      const now = performance.now()
      const moved = at > last + 0.01
      if (moved) movedAt = now
      last = at
      // Nothing is wrong with what stands still because it shall.
      if (video.paused && (this.paused || document.visibilityState !== 'visible')) began = movedAt = now
      else stoodAt = now
      if (now - stoodAt > (isFloating(video) ? floatsFor : standsFor) && !inOwnPlayer(video) && !this.history?.behind) {
        this.#rest()
        return
      }
      const shows = video.readyState >= 2 && video.currentTime > 0 && (video.videoWidth > 0 || this.live?.video === null)
      if (!this.#played) {
        if (shows && moved) {
          this.#played = true
          this.#seen ||= video.videoWidth > 0
          this.#poster.drop()
          this.#failed.clear()
          this.#retryDelay = 500
          this.phase = 'playing'
        } else if (now - began > startLimit[way]) {
          this.#fail(way, 'network')
          return
        }
      } else if (now - movedAt > brokenAfter) {
        this.#fail(way, 'network')
        return
      } else {
        this.phase = now - movedAt > bufferingAfter ? 'buffering' : 'playing'
      }
      this.history = this.#played ? player.history?.() : undefined
      this.quality = this.#played ? player.quality?.() : undefined
      if (!sized && this.#height !== undefined && this.quality?.heights.includes(this.#height)) {
        sized = true
        this.chooseQuality(this.#height)
      }
      if (this.#played && ticks++ % 2 === 0) this.delay = (await player.delay()) ?? this.delay
    }
    this.#check = window.setInterval(() => void tick(), checkEvery)
  }

  #fail(way: Protocol, why: Failure) {
    const hadPlayed = this.#played
    this.#end()
    if (why === 'off') {
      // The show may just be ending: the status decides, and comes within two seconds.
      this.#again()
      return
    }
    // What has played will play again once the network is back.
    if (hadPlayed && why === 'network') {
      this.#again()
      return
    }
    this.#failed.set(way, why)
    this.#play('switching')
  }

  /** Every way has failed: what the network did is tried again, what the browser cannot do is said. */
  #exhausted() {
    const network = [...this.#failed.values()].includes('network')
    this.#failed = new Map([...this.#failed].filter(([, why]) => why === 'media'))
    if (network) this.#again()
    else this.phase = 'cannot'
  }

  #again() {
    this.phase = 'reconnecting'
    clearTimeout(this.#retryTimer)
    this.#retryTimer = window.setTimeout(() => {
      this.#retryTimer = 0
      if (this.phase === 'reconnecting' && this.live) this.#play('reconnecting')
    }, this.#retryDelay)
    this.#retryDelay = Math.min(this.#retryDelay * 1.7, maxRetryDelay)
  }

  #rest() {
    this.#end()
    this.#rests = true
    this.phase = 'starting'
  }

  #end() {
    this.#turn++
    this.#rests = false
    clearInterval(this.#check)
    clearTimeout(this.#retryTimer)
    this.#retryTimer = 0
    this.#player?.stop()
    this.#player = undefined
    this.delay = undefined
    this.history = undefined
    this.quality = undefined
  }

  /** Nothing is played any more, until the show is there again. */
  #leave() {
    this.#end()
    this.#releaseKeys?.()
    this.#releaseKeys = undefined
  }

  stop() {
    this.#leave()
    this.#poster.drop()
    this.#unfollow()
    this.#unfollowPauses()
    document.removeEventListener('visibilitychange', this.#onback)
    removeEventListener('online', this.#onback)
  }
}
