import type { ChatMessage, Over, Picture, Quality } from '../room/view'

/** How media goes now: peer to peer, peer to peer through a TURN relay, or through the server's room. */
export type CallPath = 'connecting' | 'direct' | 'relay' | 'server'

/** Somebody in the call. */
export interface Member {
  id: string
  name: string
  local: boolean
  /** False while their connection to the server is broken. */
  present: boolean
  microphone: boolean
  camera: boolean
  /** They record the call. */
  recording: boolean
  speaking: boolean
  quality: Quality
}

/** One picture, or the place of one. */
export interface CallTile {
  id: string
  member: Member
  kind: 'camera' | 'screen'
  picture?: Picture | undefined
  mirrored: boolean
}

/** Somebody who has opened the link and not yet accepted. */
export interface Visitor {
  id: string
  name: string
  /** They were rung and have neither accepted nor declined. */
  ringing: boolean
}

/** Why a call is over for somebody. */
export type CallOver = Exclude<Over, 'shut' | 'banned'> | 'declined' | 'missed' | 'tooMany'

/** A call as the screen sees it. The session is one, made-up calls for screenshots are others. */
export interface CallView {
  readonly room: string
  readonly title: string
  readonly phase: 'connecting' | 'alone' | 'connected' | 'reconnecting' | 'over'
  readonly over: CallOver
  readonly secondsLeft: number
  readonly path: CallPath
  /** Why the call goes through the server, when it does. */
  readonly serverReason: 'people' | 'no_path' | 'wish' | 'outside' | undefined
  /** The call goes over to another path; the pictures of the old one are still shown. */
  readonly moving: boolean
  /** The server cannot be reached, but media still flows. */
  readonly serverLost: boolean
  /** Words that both sides read to each other; undefined but on a peer-to-peer path. */
  readonly checkWords: string[] | undefined
  /** The same as digits, which are the same in every language. */
  readonly checkCode: string | undefined
  readonly members: Member[]
  readonly visitors: Visitor[]
  /** When the talk began, in ms since 1970; 0 while nobody is reached. */
  readonly since: number
  /** Whom the last talk was with, and how long it was. */
  readonly parted: { name: string; seconds: number } | undefined
  /** What became of the last visitor who did not come in. */
  readonly missed: { name: string; reason: 'declined' | 'missed' | 'left'; text: string } | undefined
  readonly tiles: CallTile[]
  readonly messages: ChatMessage[]
  /** How many messages there were, also those that are not kept any more. */
  readonly said: number
  readonly soundBlocked: boolean

  /** Somebody's voice, or the sound of their screen, for what is recorded. */
  soundOf(member: string, source?: 'microphone' | 'screenSound'): MediaStreamTrack | undefined
  startSound(): Promise<void>
  say(text: string): Promise<void>
  ring(visitor: Visitor): void
  /** Asks for the way through the server, or back from there. */
  useServer(): void
  useDirect(): void
  leave(): Promise<void>
}
