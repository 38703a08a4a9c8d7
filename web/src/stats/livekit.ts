import type { Room } from 'livekit-client'

type Reporting = { getStats(): Promise<RTCStatsReport> } | undefined

/** What a room's connections report. livekit-client shows its tracks' reports only, so this asks its transports. */
export async function reportsOf(room: Room): Promise<{ connection: string; report: RTCStatsReport }[]> {
  const { pcManager } = room.engine as unknown as { pcManager?: { publisher?: Reporting; subscriber?: Reporting } }
  const list: { connection: string; report: RTCStatsReport }[] = []
  for (const [connection, transport] of [['server, sending', pcManager?.publisher], ['server, receiving', pcManager?.subscriber]] as const) {
    if (transport) list.push({ connection, report: await transport.getStats() })
  }
  return list
}
