import type { Credential } from '../api/client'

/** Why a way of playing did not work, which decides what is tried next. */
export type Failure =
  /** The network or the server: the same way may work again. */
  | 'network'
  /** This browser cannot play what comes this way. */
  | 'media'
  /** The server says that the show is not on. */
  | 'off'

/** How late the picture is. */
export interface Delay {
  seconds: number
  /** Behind what reaches the server, by its clock; or only what is known here: the way and the buffer. */
  of: 'show' | 'buffer'
}

/** How far back the show can be seen, in seconds. */
export interface History {
  length: number
  /** How far back one is, 0 for the newest. */
  behind: number
}

/** The sizes that a picture comes in, by their heights, the largest first. */
export interface Quality {
  heights: number[]
  /** What is played; 0 before anything is. */
  now: number
  /** What the reader chose; undefined leaves it to the network. */
  chosen: number | undefined
}

export interface PlayerOptions {
  video: HTMLVideoElement
  url: string
  credential: Credential
  /** What the program has, so that a player need not guess. */
  hasVideo: boolean
  hasAudio: boolean
  failed(why: Failure): void
}

/** One way of playing into a video element. It is made running; `stop` ends it and leaves the element empty. */
export interface Player {
  /** A number that grows for as long as something arrives. */
  progress(): Promise<number>
  delay(): Promise<Delay | undefined>
  /** What can be gone back to, where that can be. */
  history?(): History | undefined
  /** Plays what was so many seconds ago, and goes on from there; 0 follows the newest again. */
  goBack?(seconds: number): void
  /** The sizes to choose from, where there are several. */
  quality?(): Quality | undefined
  chooseQuality?(height: number | undefined): void
  /** Goes to the newest picture after the page was in the background. */
  catchUp(): void
  stop(): void
}

export function bufferedAhead(video: HTMLVideoElement): number {
  const { buffered } = video
  return buffered.length > 0 ? buffered.end(buffered.length - 1) - video.currentTime : 0
}

/** Plays, and tells whether the browser lets it: not so where it plays nothing, or no sound, before somebody taps. */
export async function mayPlay(video: HTMLVideoElement): Promise<boolean> {
  try {
    await video.play()
  } catch (error) {
    return !(error instanceof DOMException) || error.name !== 'NotAllowedError'
  }
  return true
}

/** Empties a video element, also of a picture that it would keep. */
export function empty(video: HTMLVideoElement) {
  video.pause()
  video.srcObject = null
  video.removeAttribute('src')
  video.load()
}
