import type { DeviceKind } from '../room/view'

/** What is done to the own picture before it is sent. */
export const filters = ['none', 'blur', 'grayscale', 'warm'] as const
export type Filter = (typeof filters)[number]

/** How much is sent. Height in pixels; bitrate in bit/s, 0 leaves it to the browser. */
export interface SendQuality {
  height: 360 | 540 | 720 | 1080
  bitrate: number
}

/**
 * What this person sends: microphone, camera (after its filter), screen and the screen's sound. It owns the tracks and
 * devices until `stop`; whoever sends the tracks follows `onchange`, which comes when a track was replaced, appeared or went.
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
  readonly filter: Filter
  readonly noiseSuppression: boolean
  readonly quality: SendQuality
  readonly cameras: MediaDeviceInfo[]
  readonly microphones: MediaDeviceInfo[]
  readonly speakers: MediaDeviceInfo[]

  onchange: (() => void) | undefined

  setMicrophone(on: boolean): Promise<void>
  setCamera(on: boolean): Promise<void>
  setScreen(on: boolean): Promise<void>
  setFilter(filter: Filter): Promise<void>
  setNoiseSuppression(on: boolean): Promise<void>
  setQuality(quality: SendQuality): Promise<void>
  useDevice(kind: DeviceKind, deviceId: string): Promise<void>
  deviceInUse(kind: DeviceKind): string
  stop(): void
}
