import type { RollCall } from '../audience/protocol'

export interface Asked {
  identity: string
  name: string
  /** When they answered; empty when they did not. */
  at: string
}

export interface Stay {
  identity: string
  name: string
  first: string
  last: string
  seconds: number
  here: boolean
}

/** Roll calls as the screen sees them. */
export interface RollView {
  /** The last one; none before the first. */
  readonly call: RollCall | undefined
  /** Whether it goes on, which the server alone knows, and this person has not answered it. */
  readonly asks: boolean
  /** Who was asked, and who was in the room when; only for whoever directs. */
  readonly asked: Asked[]
  readonly stays: Stay[]
  begin(seconds: number): Promise<boolean>
  answer(): Promise<boolean>
  end(): Promise<boolean>
  /** Asks for the lists anew. */
  refresh(): Promise<void>
}
