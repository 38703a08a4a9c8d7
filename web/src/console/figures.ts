import type { ParticipantDetail, ParticipantSummary } from '../api/types'

/** How somebody fared over the last minutes, oldest first. */
export interface PersonHistory {
  /** Seconds since 1970. */
  at: number[]
  sent: number[]
  received: number[]
  /** Shares from 0 to 1. */
  lossIn: number[]
  lossOut: number[]
  /** Seconds; null while unknown. */
  rtt: (number | null)[]
}

const length = 150

export const emptyPerson: PersonHistory = { at: [], sent: [], received: [], lossIn: [], lossOut: [], rtt: [] }

export function addPerson(history: PersonHistory, at: number, now: ParticipantSummary): PersonHistory {
  const keep = <T>(list: T[], value: T) => [...list.slice(1 - length), value]
  return {
    at: keep(history.at, at), sent: keep(history.sent, now.in.bitrate), received: keep(history.received, now.out.bitrate),
    lossIn: keep(history.lossIn, now.in.loss), lossOut: keep(history.lossOut, now.out.loss), rtt: keep(history.rtt, now.rtt ?? null),
  }
}

/** A share as people read it: nothing between 0 and 0.1 %. */
export function percent(share: number): string {
  const value = share * 100
  return `${value === 0 || value >= 9.95 ? Math.round(value) : value.toFixed(1)} %`
}

export function milliseconds(seconds: number | undefined | null): string {
  if (seconds === undefined || seconds === null) return '–'
  const ms = seconds * 1000
  return `${ms < 9.95 && ms > 0 ? ms.toFixed(1) : Math.round(ms)} ms`
}

/** How somebody is reached; the word for a relay is the reader's. */
export function pathName(path: ParticipantSummary['path'], relay: string): string {
  if (path === undefined) return '–'
  return path === 'relay' ? relay : path.toUpperCase()
}

/** How long it took from coming in until media could flow, in seconds; undefined where that is not known. */
export function joinTime({ joinedAt, timeline }: ParticipantDetail): number | undefined {
  const came = Date.parse(joinedAt)
  const connected = timeline.find((event) => event.what === 'connected' && Date.parse(event.at) >= came) // others are of earlier visits
  return connected && (Date.parse(connected.at) - came) / 1000
}

/** The program that somebody takes part with, in one line: browser and system, else the SDK. */
export function programOf({ client }: ParticipantSummary): string {
  const sdk = [client.sdk, client.version].filter(Boolean).join(' ')
  return [client.browser, client.os, client.device, sdk].filter(Boolean).join(' · ') || client.door || ''
}

/** Sorts those who fare badly to the top, and else by name. */
export function byHealth(a: ParticipantSummary, b: ParticipantSummary): number {
  const rank = { poor: 0, fair: 1, good: 2, '': 3 }
  return rank[a.health ?? ''] - rank[b.health ?? ''] || (a.name || a.identity).localeCompare(b.name || b.identity)
}

/** What a track of the timeline is: its source, where it is still there. */
export function sourceOf(person: ParticipantDetail, sid: string | undefined): { source: string; publisher?: string } | undefined {
  const own = person.tracks.find((track) => track.sid === sid)
  if (own) return { source: own.source }
  const sub = person.subscriptions.find((s) => s.sid === sid)
  return sub && { source: sub.source, publisher: sub.publisher }
}
