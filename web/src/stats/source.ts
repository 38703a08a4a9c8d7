/** Where the figures of a call come from. The call says what there is now; reports are asked for about once a second. */
export interface StatsSource {
  /** How media goes now. */
  readonly path: 'direct' | 'relay' | 'server' | 'connecting'
  /** The connections that carry media now, each with what it is for. */
  reports(): Promise<{ connection: string; report: RTCStatsReport }[]>
}
