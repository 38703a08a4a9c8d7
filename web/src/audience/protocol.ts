/**
 * What goes over the audience channel (docs/audience-protocol.md): the server sends arrays of events, the page sends one request at a
 * time. Times are RFC 3339, durations in seconds.
 */
import type { BoardAction } from '../board/view'
import type { BoardState, Drawing, Trace } from '../board/wire'

export type AudienceRole = 'host' | 'cohost' | 'speaker' | 'audience'

export interface Name {
  identity: string
  name: string
}

export interface You extends Name {
  role: AudienceRole
  /** The seat that one has; none in the audience. */
  seat?: number
  /** A host does not let one write. */
  silenced?: boolean
  /** Place in the queue of raised hands, from 1. */
  position?: number
  /** Waits before the door until a host lets one in. */
  waiting?: boolean
}

export interface ChatMessage {
  id: string
  at: string
  from: Name & { role: AudienceRole }
  text: string
  /** Flies over the picture as well. */
  danmaku?: boolean
  color?: string
  /** Said by the room, not by a person. */
  system?: boolean
}

export interface Occupant extends Name {
  role: AudienceRole
  connected: boolean
  /** Muted by the host: the microphone is not heard whatever its owner does. */
  muted?: boolean
  camera?: boolean
  microphone?: boolean
}

export type SeatState = 'open' | 'locked' | 'reserved'

export interface Seat {
  n: number
  state: SeatState
  /** For whom it is reserved. */
  for?: string
  who?: Occupant
}

export interface Hand extends Name {
  at: string
  note?: string
}

export interface StageState {
  seats: Seat[]
  host: (Name & { connected: boolean }) | null
  cohosts: Name[]
  queueLength: number
  /** Nobody new comes in. */
  locked?: boolean
  /** Who comes waits to be let in; how many do. */
  waitingRoom?: boolean
  waitingLength?: number
  /** Only for hosts: who waits before the door. */
  waiting?: (Name & { since: string })[]
  /** Only for hosts. */
  queue?: Hand[]
  /** Only for hosts: who was asked onto the stage and has not answered. */
  invitations?: (Name & { by?: string; seat?: number; until?: string })[]
  /** Only for hosts: who may not write, and who may not come in. */
  silenced?: (Name & { until?: string })[]
  banned?: (Name & { until?: string })[]
}

export interface Poll {
  id: string
  question: string
  options: { text: string; votes: number }[]
  multiple: boolean
  open: boolean
  voters: number
}

export interface PK {
  state: 'inviting' | 'invited' | 'running' | 'over' | 'ended'
  with: { room: string; title: string; host?: string; recorded?: boolean }
  until?: string
  scores: { us: number; them: number }
  result?: 'won' | 'lost' | 'draw' | 'called_off'
  /** The room that ended it before its time. */
  endedBy?: string
}

export type Feature =
  | 'chat' | 'danmaku' | 'likes' | 'gifts' | 'polls' | 'pk' | 'whiteboard' | 'rollcall' | 'waitingRoom' | 'lock' | 'breakout' | 'sideRoom' | 'songs' | 'pointer' | 'files'

/** A song in the queue. Without an address, the accompaniment is with the first of the singers. */
export interface Song {
  id: string
  title: string
  artist?: string
  url?: string
  singers: Name[]
}

/** The song whose turn it is: at 0 when the server's clock showed `began`, or standing still at `position` seconds. */
export interface Playing extends Song {
  began?: string
  position: number
  /** Which of the singers sings and plays the accompaniment. */
  turn: number
}

export interface SongsState {
  now?: Playing
  queue: Song[]
  /** The room's own songs; in events it is missing, and told for itself when it changes. */
  list?: { id: string; title: string; artist?: string; url?: string }[]
  /** The server's clock. */
  at: string
}

export interface LyricsOfSong {
  song?: string
  lines: { at: number; text: string }[] | null
}

/** Rooms under the room: groups of its people, or the side room of a pair. */
export interface Groups {
  /** Missing while there are none. Planned ones are known to hosts alone. */
  state?: 'planned' | 'open' | 'closing'
  kind?: 'groups' | 'side'
  groups?: Group[]
  until?: string
  /** Who comes late goes into the smallest group. */
  late?: boolean
  /** Only for hosts: who belongs to no group. */
  unassigned?: Name[]
}

export interface Group {
  n: number
  name: string
  people: (Name & { here: boolean; visits?: boolean })[]
}

/** The way into another room: of a group with its token, or back to the main one. */
export interface Move {
  room: string
  token?: string
  group?: number
  name?: string
}

/** A text in the page's languages; a scene of somebody's own may lack some. */
export type Words = Partial<Record<string, string>>

export interface Scene {
  name: string
  title: { en: string; zh: string }
  /** What those are called who have a role. */
  roles?: Partial<Record<AudienceRole, Words>>
  seats: { count: number; request: boolean; invite: boolean; claim: boolean }
  orientation: 'portrait' | 'landscape'
  layout?: string
  audio?: 'speech' | 'music'
  /** What pictures are sent in, the best first. */
  codecs?: string[]
  features: Partial<Record<Feature, boolean>>
  texts?: Record<string, Words>
}

export interface Announcement {
  text: string
  at?: string
  by?: string
}

export interface GiftNews {
  id?: string
  /** Missing for gifts of an application in nobody's name. */
  from?: Name
  gift: string
  count: number
  to?: string
}

export interface Counts {
  viewers: number
  likes: number
}

export interface Welcome {
  type: 'welcome'
  you: You
  /** The server's clock. */
  at: string
  room: { name: string; title: string }
  scene: Scene
  stage: StageState
  live: { on: boolean; since?: string; title?: string }
  counts: Counts
  chat: ChatMessage[]
  /** Seconds between two messages of one person; 0 is no limit. */
  slow: number
  announcement?: Announcement | null
  polls: Poll[]
  pk?: PK | null
  gifts?: Record<string, number>
  board?: BoardState
  rollcall?: RollCall
  groups?: Groups
  songs?: SongsState
  lyrics?: LyricsOfSong
  /** Seconds between two signs of life. */
  heartbeat: number
}

/** A roll call: until when it is answered, and how many of those who were asked have. */
export interface RollCall {
  number: number
  begun: string
  ends: string
  open: boolean
  answered: number
  of: number
}

export interface Promotion {
  /** Missing for whoever takes part in the room already. */
  token?: string
  url?: string
  seat?: number
  /** Seconds of the own preview before others see it. */
  preview: number
}

export type ServerEvent =
  | Welcome
  | { type: 'ok'; id: number; [more: string]: unknown }
  | { type: 'error'; id?: number; of?: string; code: string; message: string; wait?: number }
  | { type: 'presence'; viewers: number; people?: number; joined?: Name[] }
  | ({ type: 'chat' } & ChatMessage)
  | { type: 'chatDeleted'; id: string }
  | { type: 'likes'; total: number; added: number }
  | ({ type: 'gift'; total?: number } & GiftNews)
  | ({ type: 'stage' } & StageState)
  | ({ type: 'you' } & You)
  | ({ type: 'promoted' } & Promotion)
  | { type: 'demoted'; reason?: string }
  | { type: 'invited'; by?: Name; seat?: number; until?: string }
  | { type: 'uninvited'; reason?: string }
  | { type: 'live'; on: boolean; since?: string; title?: string }
  | ({ type: 'pk' } & Partial<PK>)
  | ({ type: 'poll' } & Poll)
  | ({ type: 'announcement' } & Announcement)
  | { type: 'slow'; seconds: number }
  | { type: 'meta'; at?: string; data: unknown }
  | { type: 'banned'; until?: string }
  | ({ type: 'board' } & BoardState)
  | ({ type: 'drawn' } & Drawing)
  | { type: 'trace'; trace: Trace; by: string }
  | ({ type: 'rollcall' } & RollCall)
  | ({ type: 'songs' } & SongsState)
  | { type: 'songList'; list: NonNullable<SongsState['list']> }
  | ({ type: 'lyrics' } & LyricsOfSong)
  | ({ type: 'groups' } & Groups)
  | ({ type: 'moved' } & Move)
  | { type: 'bye'; reason: string }

export type EventType = ServerEvent['type']

/** A request as it is sent, but for its number. */
export type AudienceRequest =
  | { type: 'ping' }
  | { type: 'chat'; text: string; danmaku?: boolean; color?: string }
  | { type: 'like'; count: number }
  | { type: 'gift'; gift: string; count: number; to?: string }
  | { type: 'vote'; poll: string; choices: number[] }
  | { type: 'raise'; seat?: number; note?: string }
  | { type: 'lower' | 'accept' | 'decline' | 'stepDown' }
  | { type: 'lock' | 'unlock' | 'openWaiting' | 'endWaiting' }
  | { type: 'rename'; name: string }
  | { type: 'admit' | 'invite'; identity: string; seat?: number }
  | { type: 'refuse' | 'uninvite' | 'remove' | 'muteSeat' | 'unmuteSeat' | 'promote' | 'demote' | 'unsilence' | 'unban'; identity: string }
  | { type: 'move'; identity: string; seat: number }
  | { type: 'lockSeat' | 'unlockSeat'; seat: number }
  | { type: 'reserveSeat'; seat: number; identity: string }
  | { type: 'silence' | 'ban'; identity: string; for?: number }
  | { type: 'deleteMessage'; message: string }
  | { type: 'setSlow'; seconds: number }
  | { type: 'announce'; text: string }
  | { type: 'inviteRoom'; room: string; duration?: number }
  | { type: 'acceptRoom' | 'declineRoom' | 'endPK' }
  | { type: 'openPoll'; question: string; options: string[]; multiple?: boolean }
  | { type: 'closePoll'; poll: string }
  | { type: 'board'; action: BoardAction; page?: string }
  | { type: 'draw'; drawing: Drawing }
  | { type: 'trace'; trace: Trace }
  | { type: 'callRoll'; seconds: number }
  | { type: 'answerRoll' | 'endRoll' }
  | { type: 'planGroups'; count: number; random: boolean; late: boolean }
  | { type: 'assignGroup'; identity: string; group: number }
  | { type: 'shuffleGroups' | 'leaveGroup' }
  | { type: 'openGroups' | 'openSide' | 'closeGroups'; seconds: number }
  | { type: 'messageGroups'; text: string }
  | { type: 'joinGroup'; group: number }
  | { type: 'requestSong'; listed?: string; title?: string; artist?: string; lyrics?: string }
  | { type: 'removeSong' | 'joinSong' | 'unlistSong'; song: string }
  | { type: 'moveSong'; song: string; place: number }
  | { type: 'playSong' | 'pauseSong' | 'turnSong'; song: string; position: number }
  | { type: 'listSong'; title: string; artist: string; url: string; lyrics: string }

export interface Hello {
  type: 'hello'
  name?: string
  key?: string
  token?: string
  identity?: string
  lang?: string
}

/** Why a request was refused. Codes are stable and have texts in the dictionaries. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
    /** Seconds after which it may be tried again. */
    readonly wait = 0,
  ) {
    super(message)
    this.name = 'Refusal'
  }
}

/** Reads one frame of the server; what is no event of a known shape is left out. */
export function eventsOf(frame: string): ServerEvent[] {
  let value: unknown
  try {
    value = JSON.parse(frame)
  } catch {
    return []
  }
  const list = Array.isArray(value) ? value : [value]
  return list.filter((event): event is ServerEvent => typeof event === 'object' && event !== null && typeof event.type === 'string')
}
