import type { AudienceRequest, Feature } from './protocol'
import type { AudienceState } from './state'

/** Something that happened once and is shown in passing. */
export type Passing =
  | { kind: 'likes'; count: number }
  | { kind: 'gift'; from: string; gift: string; count: number }
  | { kind: 'danmaku'; id: string; text: string; color: string | undefined; own: boolean }

/** A room as the audience channel tells it. The one over a socket is the real one; made-up ones serve screenshots. */
export interface AudienceView {
  readonly state: AudienceState
  /** Whether a welcome came; before that the state is empty. */
  readonly known: boolean
  readonly connected: boolean
  /** Seconds until one may chat again. */
  readonly wait: number
  /** Polls that one has voted in, with the choices. */
  readonly voted: Record<string, number[]>
  has(feature: Feature): boolean
  /** Sends a request; what fails is said in a toast. Resolves to whether it was done. */
  do(request: AudienceRequest): Promise<boolean>
  /** The same, but resolves to the answer; undefined where it was not done. */
  ask(request: AudienceRequest): Promise<Record<string, unknown> | undefined>
  say(text: string, danmaku?: boolean): Promise<boolean>
  like(): void
  vote(poll: string, choices: number[]): Promise<boolean>
  /** Whether the name is taken. */
  setName(name: string): Promise<boolean>
  /** Follows what is shown in passing until the returned function is called. */
  onpassing(listener: (passing: Passing) => void): () => void
}

/** Whether somebody directs the stage. */
export function directs(view: AudienceView): boolean {
  return view.state.you.role === 'host' || view.state.you.role === 'cohost'
}
