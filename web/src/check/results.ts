import type { DeviceProblem } from '../media/devices'

/** What is tested, in the order of the page. */
export const stepIds = [
  'browser', 'camera', 'microphone', 'http', 'websocket', 'rtcUdp', 'rtcTcp', 'stun', 'turnUdp', 'turnTcp', 'turnTls', 'quality', 'down', 'up',
] as const
export type StepId = (typeof stepIds)[number]

/** Groups of steps on the page. */
export const stepGroups = {
  device: ['browser', 'camera', 'microphone'],
  server: ['http', 'websocket', 'rtcUdp', 'rtcTcp'],
  people: ['stun', 'turnUdp', 'turnTcp', 'turnTls'],
  quality: ['quality', 'down', 'up'],
} as const satisfies Record<string, readonly StepId[]>

/** `notOffered`: the server has it switched off. `skipped`: nobody wanted it, or it could not be tried. */
export type StepState = 'waiting' | 'running' | 'ok' | 'warn' | 'fail' | 'skipped' | 'notOffered'

/** What is wrong; the page has a sentence and a remedy for each. */
export type Trouble =
  | DeviceProblem
  | 'still' | 'dark' | 'silent'
  | 'unreachable' | 'far' | 'wsBlocked' | 'noDoor' | 'busyServer'
  | 'udpBlocked' | 'tcpBlocked' | 'loopback' | 'stunBlocked' | 'symmetric'
  | 'relayBlocked' | 'relayTls' | 'relayRefused' | 'relayFull' | 'relayDead'
  | 'lossy' | 'uneven' | 'needsUdp' | 'thin' | 'tooThin' | 'broken'

/** What was measured. Durations in seconds, rates in bit/s, parts from 0 to 1. */
export interface Figures {
  roundTrip?: number
  jitter?: number
  loss?: number
  bitrate?: number
  /** The address under which others see this device. */
  address?: string
  /** How the router between maps addresses, as far as can be told. */
  nat?: Nat
  /** A device's name. */
  label?: string
  width?: number
  height?: number
  fps?: number
  /** 0 to 1. */
  level?: number
}

/** none: no router changes the address. steady: the same outside address for every server. symmetric: another for each. */
export type Nat = 'none' | 'steady' | 'symmetric'

export interface StepResult {
  state: StepState
  trouble?: Trouble
  figures: Figures
}

export type Results = Record<StepId, StepResult>

export const ok = (figures: Figures = {}): StepResult => ({ state: 'ok', figures })
export const warn = (trouble: Trouble, figures: Figures = {}): StepResult => ({ state: 'warn', trouble, figures })
export const fail = (trouble: Trouble, figures: Figures = {}): StepResult => ({ state: 'fail', trouble, figures })
export const skipped = (trouble?: Trouble): StepResult => ({ state: 'skipped', figures: {}, ...(trouble ? { trouble } : {}) })
export const notOffered = (): StepResult => ({ state: 'notOffered', figures: {} })

export function nothingYet(): Results {
  return Object.fromEntries(stepIds.map((id) => [id, { state: 'waiting', figures: {} }])) as unknown as Results
}

/** Whether a step has come to its end. */
export const isOver = ({ state }: StepResult) => state !== 'waiting' && state !== 'running'
