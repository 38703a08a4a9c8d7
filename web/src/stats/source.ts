/** What a track carries. */
export type TrackSource = 'microphone' | 'camera' | 'screen' | 'screenSound'

/** What is known of a track from the connection's own figures. */
export interface TrackHint {
  direction: 'sent' | 'received'
  kind: 'audio' | 'video'
  /** The media section's mid. */
  mid?: string | undefined
  /** The MediaStreamTrack's id. */
  track?: string | undefined
}

/** Whose track it is, and what it carries. */
export interface TrackOwner {
  /** A name to show; empty for oneself. */
  person: string
  /** Tells people of the same name apart. */
  identity?: string
  what: TrackSource
}

/** Where the figures of a call or a room come from. It says what there is now; reports are asked for about once a second. */
export interface StatsSource {
  /** How media goes now. */
  readonly path: 'direct' | 'relay' | 'server' | 'connecting'
  /** The connections that carry media now, each with what it is for. */
  reports(): Promise<{ connection: string; report: RTCStatsReport }[]>
  /** Whose a track is; without it, tracks are told apart by kind and direction only. */
  describe?(connection: string, track: TrackHint): TrackOwner | undefined
}
