import { supportsAV1, supportsVP9, type VideoCodec } from 'livekit-client'

/** What pictures can be sent in from this browser: not all that it has, livekit-client uses everywhere. */
function able(): string[] {
  const all = RTCRtpSender.getCapabilities?.('video')?.codecs ?? []
  const unused = [...(supportsAV1() ? [] : ['av1']), ...(supportsVP9() ? [] : ['vp9'])]
  return all.map(({ mimeType }) => mimeType.toLowerCase().replace('video/', '')).filter((codec) => !unused.includes(codec))
}

/**
 * What pictures are to be sent in: the first of the codecs that a scene names that this browser has, else H.264, which all players take, else VP8.
 * H.265 is passed over: the server takes it of encoders alone.
 */
export function publishCodec(named: readonly string[] = [], has: readonly string[] = able()): VideoCodec {
  const wanted = [...named.filter((codec) => codec !== 'h265'), 'h264']
  return (wanted.find((codec) => has.includes(codec)) ?? 'vp8') as VideoCodec
}

/** What pictures go out in that are to be sent in a codec, by the types that the server takes of this browser: else in the first of them. */
export function sentCodec(wanted: string, types: readonly string[]): string {
  const taken = types.map((type) => type.toLowerCase().split('/')).flatMap(([kind, codec]) => (kind === 'video' && codec ? [codec] : []))
  return taken.includes(wanted) ? wanted : (taken[0] ?? wanted)
}
