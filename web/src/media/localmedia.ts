import type { DeviceKind } from '../room/view'
import type { DeviceProblem } from './devices'
import type { Filter } from './effects/filter'
import type { Facing } from './facing'
import type { SendQuality } from './quality'

/**
 * What this person sends: microphone, camera (after its filter), screen and the screen's sound. It owns the tracks and
 * devices until `stop`; whoever sends the tracks follows `onchange`, which comes when a track was replaced, appeared or went,
 * and when the quality changed. What goes wrong it says in a toast, and in the problem of that device.
 */
export interface LocalMedia {
  readonly camera: MediaStreamTrack | undefined
  readonly microphone: MediaStreamTrack | undefined
  readonly screen: MediaStreamTrack | undefined
  readonly screenSound: MediaStreamTrack | undefined
  /** Whether the microphone is on: a muted one keeps its track, with `enabled` false. */
  readonly microphoneOn: boolean
  readonly cameraOn: boolean
  readonly busy: { microphone: boolean; camera: boolean; screen: boolean }
  /** Why a device that was asked for last did not come. */
  readonly microphoneProblem: DeviceProblem | undefined
  readonly cameraProblem: DeviceProblem | undefined
  readonly screenProblem: DeviceProblem | undefined
  readonly filter: Filter
  readonly noiseSuppression: boolean
  readonly quality: SendQuality
  readonly cameras: MediaDeviceInfo[]
  readonly microphones: MediaDeviceInfo[]
  readonly speakers: MediaDeviceInfo[]
  /** The camera's picture without a filter, to choose one by. */
  readonly unfiltered: MediaStreamTrack | undefined
  /** Where the camera may be turned to: the way that another one of a phone looks. */
  readonly otherSide: Facing | undefined

  onchange: (() => void) | undefined

  setMicrophone(on: boolean): Promise<void>
  setCamera(on: boolean): Promise<void>
  /** Puts the camera of the other side in the place of the one in use. */
  turnCamera(): Promise<void>
  setScreen(on: boolean): Promise<void>
  setFilter(filter: Filter): Promise<void>
  setNoiseSuppression(on: boolean): Promise<void>
  setQuality(quality: SendQuality): Promise<void>
  useDevice(kind: DeviceKind, deviceId: string): Promise<void>
  deviceInUse(kind: DeviceKind): string
  stop(): void
}
