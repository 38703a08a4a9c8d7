import type { Keys, LiveStatus, LiveSummary, Role } from '../api/types'
import { roomPath, watchPath } from '../router'
import type { Facing } from '../media/facing'
import type { Reactions } from './reactions.svelte'
import type { StatsView } from '../stats/recorder.svelte'

/** A picture that can be shown in a video element; livekit-client's tracks are of this shape. */
export interface Picture {
  attach(element: HTMLMediaElement): unknown
  detach(element: HTMLMediaElement): unknown
}

export type Quality = 'good' | 'weak' | 'lost' | 'unknown'

/** Somebody in the room. */
export interface Person {
  identity: string
  name: string
  local: boolean
  host: boolean
  /** Comes from OBS, ffmpeg or the like. */
  ingest: boolean
  /** The role in a scene with a stage, as the server says it; empty elsewhere. */
  role: string
  microphone: boolean
  camera: boolean
  speaking: boolean
  quality: Quality
  /** The microphone's track, for the host to mute; empty when there is none. */
  microphoneSid: string
}

/** One picture (or the place of one) on the stage. */
export interface Tile {
  id: string
  person: Person
  kind: 'camera' | 'screen'
  picture?: Picture | undefined
  /** The picture's track; empty when there is none. */
  sid: string
  /** Own cameras are shown as in a mirror. */
  mirrored: boolean
  width: number
  height: number
}

export interface ChatMessage {
  id: string
  from: string
  identity: string
  own: boolean
  text: string
  /** Milliseconds since 1970. */
  at: number
}

/** Why a room is over for somebody. */
export type Over = 'left' | 'removed' | 'banned' | 'ended' | 'duplicate' | 'full' | 'failed' | 'shut' | 'locked' | 'wrongLink' | 'expired' | 'missing'

/** What somebody publishes. "busy" is while a device starts or stops. */
export interface Me {
  microphone: boolean
  camera: boolean
  screen: boolean
  busy: { microphone: boolean; camera: boolean; screen: boolean }
  quality: Quality
}

export type DeviceKind = 'audioinput' | 'videoinput' | 'audiooutput'

/** A show that has ended, and when it began by the server's clock. */
export interface EndedShow extends LiveSummary {
  since: string
}

/** A room as the screen sees it. The session over livekit-client is one, made-up rooms for screenshots are others. */
export interface RoomView {
  readonly room: string
  readonly title: string
  readonly role: Role
  readonly phase: 'connecting' | 'connected' | 'reconnecting' | 'over'
  readonly over: Over
  /** Seconds until reconnecting is given up. */
  readonly secondsLeft: number
  /** What the own pictures are sent in: once connected, what the server takes. */
  readonly codec: string
  readonly people: Person[]
  readonly tiles: Tile[]
  readonly me: Me
  readonly messages: ChatMessage[]
  /** How many messages there were, also those that are not kept any more. */
  readonly said: number
  readonly soundBlocked: boolean
  /** The server's word on the show; undefined until it said anything. */
  readonly live: LiveStatus | undefined
  readonly keys: Keys | undefined
  /** Whether anybody may watch; else the watch page asks for a key. */
  readonly publicWatch: boolean
  readonly mayPublish: boolean
  /** Somebody must let this person in first. */
  readonly waits: boolean
  readonly statistics: StatsView
  readonly reactions: Pick<Reactions, 'list' | 'last' | 'may' | 'react'>
  /** The own microphone's track, while there is one. */
  readonly microphone: MediaStreamTrack | undefined
  /** Undefined where nothing is to be taken from what is heard. */
  readonly noiseSuppression: boolean | undefined
  /** Where the own camera may be turned to: the way that another one of a phone looks. */
  readonly otherSide: Facing | undefined

  toggleMicrophone(): Promise<void>
  toggleCamera(): Promise<void>
  turnCamera(): Promise<void>
  toggleScreen(): Promise<void>
  startSound(): Promise<void>
  say(text: string): Promise<void>
  setNoiseSuppression(on: boolean): Promise<void>
  useDevice(kind: DeviceKind, deviceId: string): Promise<void>
  deviceInUse(kind: DeviceKind): string
  muteOther(person: Person): Promise<void>
  removeOther(person: Person): Promise<void>
  goLive(title: string): Promise<void>
  /** Chooses the picture that viewers see; an empty SID leaves it to the server. */
  show(sid: string): Promise<void>
  endLive(): Promise<EndedShow>
  leave(): Promise<void>
}

/** The path that lets guests in: of a host whose keys are not known yet none with a key, and of anybody else what let them in. */
export function guestPathOf(view: Pick<RoomView, 'room' | 'role' | 'keys'>): string {
  if (view.keys) return roomPath(view.room, view.keys.guest)
  return view.role === 'host' ? roomPath(view.room) : location.pathname + location.hash
}

/** The path of the watch page as it is given to viewers, with the key where the show is not public. */
export function watchPathOf(view: Pick<RoomView, 'room' | 'publicWatch' | 'keys'>): string {
  return watchPath(view.room, view.publicWatch ? '' : view.keys?.watch)
}
