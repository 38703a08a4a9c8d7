/** What a singer's page knows when it decides what its accompaniment does. */
export interface Standing {
  /** The song that has the room now, and whether it is at a beginning, which means that it plays. */
  song: { id: string; began?: string } | undefined
  /** Whether it is one's own turn to sing it. */
  turn: boolean
  /** The song of which one knew before that it was one's own turn; '' for none. */
  before: string
  /** The song that is loaded here; '' for none. */
  loaded: string
  playing: boolean
  /** Whether its sound can be had here: it is loaded, was chosen, or the server has it. */
  here: boolean
}

/**
 * What the accompaniment does when the room's songs change: `stop` when its song is over; `pause` when the turn is lost; and where one comes to a turn
 * of a song that plays, handed over or after the page was loaded anew, `goOn` from there, or have it `stand` where there is no sound for it.
 */
export type Step = 'stop' | 'pause' | 'goOn' | 'stand' | 'none'

export function stepOf({ song, turn, before, loaded, playing, here }: Standing): Step {
  if (loaded !== '' && loaded !== song?.id) return 'stop'
  if (!song || !turn) return playing || before !== '' ? 'pause' : 'none'
  if (before === song.id || !song.began || playing) return 'none'
  return here ? 'goOn' : 'stand'
}
