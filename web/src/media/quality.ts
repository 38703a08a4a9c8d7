/** Heights of the picture that can be chosen, in pixels. */
export const heights = [360, 540, 720, 1080] as const

/** Bitrates of the picture that can be chosen, in bit/s; 0 leaves it to the browser. */
export const bitrates = [0, 300_000, 600_000, 1_200_000, 2_500_000, 4_000_000] as const

/** How much is sent. Height in pixels; bitrate in bit/s, 0 leaves it to the browser. */
export interface SendQuality {
  height: (typeof heights)[number]
  bitrate: number
}

/** What was remembered, or 720 lines and the browser's bitrate. */
export function parseQuality(text: string): SendQuality {
  const quality: SendQuality = { height: 720, bitrate: 0 }
  try {
    const read: unknown = JSON.parse(text)
    if (typeof read !== 'object' || read === null) return quality
    const { height, bitrate } = read as Record<string, unknown>
    const known = heights.find((h) => h === height)
    if (known) quality.height = known
    if (bitrates.some((b) => b === bitrate)) quality.bitrate = bitrate as number
  } catch {
    // Nothing was remembered.
  }
  return quality
}
