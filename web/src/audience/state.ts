import type {
  Announcement, ChatMessage, Counts, GiftNews, Groups, LyricsOfSong, PK, Poll, Scene, ServerEvent, SongsState, StageState, You,
} from './protocol'
import { aheadOf, steadyNow } from './clock'

/** The chat that a page keeps; older messages are forgotten. */
export const maxMessages = 300
/** How many polls are kept, the newest first. */
const maxPolls = 12

/** What is known of a room over the audience channel. Values are never changed in place. */
export interface AudienceState {
  you: You
  room: { name: string; title: string }
  scene: Scene | undefined
  stage: StageState
  live: { on: boolean; since?: string; title?: string }
  counts: Counts
  messages: ChatMessage[]
  /** How many messages there were, also those that are not kept any more. */
  said: number
  slow: number
  announcement: Announcement | undefined
  polls: Poll[]
  pk: PK | undefined
  gifts: Record<string, number>
  groups: Groups | undefined
  songs: SongsState | undefined
  lyrics: { song: string; lines: { at: number; text: string }[] } | undefined
  /** How far the server's clock is ahead of the page's steady one, in milliseconds. */
  clockAhead: number | undefined
  /** Asked onto the stage and not answered yet. */
  invitation: { by: string; seat?: number; until?: string } | undefined
  /** Why one may not be here, and until when a ban lasts that has an end. */
  barred: { why: Bar; until?: string } | undefined
}

/** Refusals and farewells after which only somebody else can let one in again. */
export const bars = ['banned', 'locked', 'turned_away', 'waiting_full', 'forbidden', 'unauthorized', 'expired', 'replaced', 'revoked'] as const
export type Bar = (typeof bars)[number]

export function emptyState(room: string): AudienceState {
  return {
    you: { identity: '', name: '', role: 'audience' },
    room: { name: room, title: '' },
    scene: undefined,
    stage: { seats: [], host: null, cohosts: [], queueLength: 0 },
    live: { on: false },
    counts: { viewers: 0, likes: 0 },
    messages: [],
    said: 0,
    slow: 0,
    announcement: undefined,
    polls: [],
    pk: undefined,
    gifts: {},
    groups: undefined,
    songs: undefined,
    lyrics: undefined,
    clockAhead: undefined,
    invitation: undefined,
    barred: undefined,
  }
}

/** A message can come twice where a history and the stream meet. */
function withMessages({ messages, said }: AudienceState, come: ChatMessage[]): Pick<AudienceState, 'messages' | 'said'> {
  const known = new Set(messages.map(({ id }) => id))
  const fresh = come.filter(({ id }) => !known.has(id))
  return { messages: fresh.length > 0 ? [...messages, ...fresh].slice(-maxMessages) : messages, said: said + fresh.length }
}

function withPoll(polls: Poll[], poll: Poll): Poll[] {
  const known = polls.findIndex((entry) => entry.id === poll.id)
  if (known >= 0) return polls.with(known, poll)
  return [poll, ...polls].slice(0, maxPolls)
}

function withGift(gifts: Record<string, number>, { gift, count }: GiftNews, total: number | undefined): Record<string, number> {
  return { ...gifts, [gift]: total ?? (gifts[gift] ?? 0) + count }
}

/** A reason that is told again says less than the first time. */
function withBar(state: AudienceState, why: string): AudienceState {
  const bar = bars.find((known) => known === why)
  return bar && bar !== state.barred?.why ? { ...state, barred: { why: bar } } : state
}

function lyricsOf(lyrics: LyricsOfSong | undefined): AudienceState['lyrics'] {
  return lyrics?.song ? { song: lyrics.song, lines: lyrics.lines ?? [] } : undefined
}

export function isBanned(state: AudienceState): boolean {
  return state.barred?.why === 'banned'
}

/** What is known after an event. A state that an event says nothing about is returned as it is. */
export function apply(state: AudienceState, event: ServerEvent): AudienceState {
  switch (event.type) {
    case 'welcome':
      return {
        you: event.you,
        room: event.room,
        scene: event.scene,
        stage: event.stage,
        live: event.live,
        counts: event.counts,
        messages: event.chat.slice(-maxMessages),
        said: withMessages(state, event.chat).said,
        slow: event.slow,
        announcement: event.announcement?.text ? event.announcement : undefined,
        polls: event.polls.slice(0, maxPolls),
        pk: event.pk ?? undefined,
        gifts: event.gifts ?? {},
        groups: event.groups,
        songs: event.songs,
        lyrics: lyricsOf(event.lyrics),
        clockAhead: aheadOf(event.at, undefined, steadyNow()),
        // An invitation that still stands is told again.
        invitation: undefined,
        barred: undefined,
      }
    case 'presence':
      return { ...state, counts: { ...state.counts, viewers: event.viewers } }
    case 'chat': {
      const { type: _, ...message } = event
      return { ...state, ...withMessages(state, [message]) }
    }
    case 'chatDeleted':
      return { ...state, messages: state.messages.filter((message) => message.id !== event.id) }
    case 'likes':
      return { ...state, counts: { ...state.counts, likes: Math.max(state.counts.likes, event.total) } }
    case 'gift':
      return { ...state, gifts: withGift(state.gifts, event, event.total) }
    case 'stage': {
      const { type: _, ...stage } = event
      return { ...state, stage }
    }
    case 'you': {
      // The whole of it: what is left out is not so any more.
      const { type: _, ...you } = event
      return { ...state, you: { ...you, identity: you.identity || state.you.identity, name: you.name || state.you.name } }
    }
    case 'invited':
      return {
        ...state,
        invitation: {
          by: event.by?.name ?? '',
          ...(event.seat ? { seat: event.seat } : {}),
          ...(event.until ? { until: event.until } : {}),
        },
      }
    case 'uninvited':
    case 'promoted':
      return { ...state, invitation: undefined }
    case 'live':
      return { ...state, live: { on: event.on, ...(event.since ? { since: event.since } : {}), ...(event.title ? { title: event.title } : {}) } }
    case 'pk': {
      const { type: _, ...pk } = event
      return { ...state, pk: pk.state && pk.state !== 'ended' && pk.with ? (pk as PK) : undefined }
    }
    case 'poll': {
      const { type: _, ...poll } = event
      return { ...state, polls: withPoll(state.polls, poll) }
    }
    case 'songs': {
      const { type: _, ...songs } = event
      return { ...state, songs: { ...songs, ...(state.songs?.list ? { list: state.songs.list } : {}) }, clockAhead: aheadOf(songs.at, state.clockAhead, steadyNow()) }
    }
    case 'songList':
      return { ...state, songs: { ...(state.songs ?? { queue: [], at: new Date().toISOString() }), list: event.list } }
    case 'lyrics':
      return { ...state, lyrics: lyricsOf(event) }
    case 'groups': {
      const { type: _, ...groups } = event
      return { ...state, groups: groups.state ? groups : undefined }
    }
    case 'announcement':
      return { ...state, announcement: event.text ? { text: event.text, ...(event.at ? { at: event.at } : {}) } : undefined }
    case 'slow':
      return { ...state, slow: event.seconds }
    case 'banned':
      return { ...state, barred: { why: 'banned', ...(event.until ? { until: event.until } : {}) } }
    case 'error':
      // Without a number it refuses the hello.
      return event.id === undefined ? withBar(state, event.code) : state
    case 'bye':
      return withBar(state, event.reason)
    default:
      return state
  }
}
