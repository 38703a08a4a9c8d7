import type { Picture } from '../room/view'
import type { Pipe } from './pipe'
import type { Source } from './protocol'

/** A track as something to show; it leaves the track alone. */
export class TrackPicture implements Picture {
  constructor(readonly track: MediaStreamTrack) {}

  attach(element: HTMLMediaElement) {
    element.srcObject = new MediaStream([this.track])
    element.play().catch(() => {})
  }

  detach(element: HTMLMediaElement) {
    element.srcObject = null
  }
}

/** One track of somebody else, as one link brings it. */
export interface Feed {
  member: string
  source: Source
  track: MediaStreamTrack
  picture: TrackPicture
  /** Its first frame was decoded, or its first sound has come. */
  live: boolean
}

/** Somebody whom a link reaches. */
export interface Reached {
  id: string
  name: string
  /** What they send, where the link knows it by itself. */
  microphone?: boolean
  camera?: boolean
  speaking: boolean
  weak: boolean
}

/** A way for media and messages to the others: a peer connection, or the server's room. Made and ended by the session. */
export interface Link {
  readonly kind: 'direct' | 'room'
  generation: number
  /** Whether media and messages pass now. */
  readonly open: boolean
  readonly feeds: Feed[]
  readonly reached: Reached[]
  readonly pipes: Pipe[]
  /** The connections that carry media, for statistics. */
  reports(): Promise<{ connection: string; report: RTCStatsReport }[]>
  /** Sends the tracks that the local media has now. */
  follow(): void
  /** Whether messages to somebody can be sent now. */
  reaches(member: string): boolean
  /** Sends a chat message or its acknowledgement to somebody; false when they are not reached. */
  tell(member: string, data: Uint8Array<ArrayBuffer>): boolean
  close(): void
}

/** What a link tells the session. */
export interface LinkEvents {
  changed(): void
  told(member: string, name: string, data: Uint8Array<ArrayBuffer>): void
  /** No media will come this way. */
  failed(): void
}

/** Tells once when the first frame of a picture was decoded, or the first packet of a sound has come. Returns how to stop waiting. */
export function whenLive(track: MediaStreamTrack, tell: () => void): () => void {
  let waiting = true
  let clear = () => {}
  const stop = () => {
    waiting = false
    clear()
  }
  const finish = () => {
    if (!waiting) return
    stop()
    tell()
  }
  if (track.kind === 'audio') {
    clear = () => track.removeEventListener('unmute', finish)
    if (track.muted) track.addEventListener('unmute', finish)
    else queueMicrotask(finish)
    return stop
  }
  // Never shown; it decodes as any other.
  const probe = document.createElement('video')
  probe.muted = true
  probe.playsInline = true
  clear = () => {
    probe.removeEventListener('loadeddata', finish)
    probe.srcObject = null
  }
  probe.addEventListener('loadeddata', finish)
  probe.requestVideoFrameCallback?.(finish)
  probe.srcObject = new MediaStream([track])
  probe.play().catch(() => {})
  return stop
}
