import type { Playing } from '../audience/protocol'

/** The own accompaniment as the screen sees it. */
export interface AccompanistView {
  readonly playing: boolean
  /** The song that is loaded; '' for none. */
  readonly loaded: string
  readonly duration: number
  readonly position: number
  volume: number
  monitor: number
  shift: number
}

/** The own part in the room's songs as the screen sees it. `Singing` is the real one, made-up ones are for screenshots. */
export interface SingingView {
  readonly busy: boolean
  /** What is sung now. */
  readonly song: Playing | undefined
  /** Whether it is one's own turn to sing it. */
  readonly turn: boolean
  readonly accompanist: AccompanistView
  has(song: { id: string; url?: string }): boolean
  keep(song: string, file: File): void
  take(file: File): Promise<void>
  play(): Promise<void>
  pause(): Promise<void>
  handOver(): Promise<void>
}
