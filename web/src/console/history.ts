/** Figures over the last minutes, oldest first, as the charts take them. */
export interface History {
  /** Seconds since 1970. */
  at: number[]
  /** bit/s of picture and sound together. */
  bitrate: number[]
  viewers: number[]
}

const length = 150

export const emptyHistory: History = { at: [], bitrate: [], viewers: [] }

export function addFigures(history: History, at: number, bitrate: number, viewers: number): History {
  const keep = <T>(list: T[], value: T) => [...list.slice(1 - length), value]
  return {
    at: keep(history.at, at), bitrate: keep(history.bitrate, bitrate), viewers: keep(history.viewers, viewers),
  }
}
