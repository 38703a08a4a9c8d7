import type { VideoCodec } from 'livekit-client'

/** What this browser sends pictures in. */
function able(): string[] {
  const all = RTCRtpSender.getCapabilities?.('video')?.codecs ?? []
  return all.map(({ mimeType }) => mimeType.toLowerCase().replace('video/', ''))
}

/** What pictures are sent in: the first of the codecs that a scene names that this browser has, else H.264, which all players take, else VP8. */
export function publishCodec(named: readonly string[] = [], has: readonly string[] = able()): VideoCodec {
  return ([...named, 'h264'].find((codec) => has.includes(codec)) ?? 'vp8') as VideoCodec
}
