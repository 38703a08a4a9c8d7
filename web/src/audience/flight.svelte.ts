import { recall, remember } from '../remember'

export const sizes = ['small', 'medium', 'large'] as const
export const opacities = [0.4, 0.7, 1] as const
export const areas = [0.25, 0.5, 1] as const

/** How messages fly over the picture, as this browser's reader likes it. */
export interface Flight {
  size: (typeof sizes)[number]
  opacity: (typeof opacities)[number]
  /** The part of the place for them that they take, from above. */
  area: (typeof areas)[number]
}

const usual: Flight = { size: 'medium', opacity: 1, area: 1 }

/** What was remembered; whatever is none of the choices is as usual. */
export function parseFlight(text: string): Flight {
  let found: Partial<Record<keyof Flight, unknown>> = {}
  try {
    found = (JSON.parse(text) as typeof found | null) ?? {}
  } catch {
    // Nothing was remembered.
  }
  return {
    size: sizes.find((size) => size === found.size) ?? usual.size,
    opacity: opacities.find((opacity) => opacity === found.opacity) ?? usual.opacity,
    area: areas.find((area) => area === found.area) ?? usual.area,
  }
}

let current = $state.raw<Flight>(parseFlight(recall('danmaku.flight')))

export function flight(): Flight {
  return current
}

export function setFlight(change: Partial<Flight>) {
  current = { ...current, ...change }
  remember('danmaku.flight', JSON.stringify(current))
}

/** The height of a lane and of its letters, in px. */
export const lane: Record<Flight['size'], { height: number; font: number }> = {
  small: { height: 27, font: 14 }, medium: { height: 34, font: 17 }, large: { height: 44, font: 22 },
}
