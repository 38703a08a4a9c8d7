import type { Facing } from './facing'

/** Why camera or microphone cannot be had; the page has a sentence and a fix for each. */
export type DeviceProblem = 'denied' | 'busy' | 'missing' | 'insecure' | 'unsupported' | 'inapp' | 'failed'

export interface Surroundings {
  secure: boolean
  webrtc: boolean
  mediaDevices: boolean
  userAgent: string
}

export function isInAppBrowser(userAgent: string): boolean {
  return /MicroMessenger|QQ\/|Weibo|AlipayClient|DingTalk|FBAN|FBAV|Instagram|Line\//i.test(userAgent)
}

export function isWeChat(userAgent: string): boolean {
  return /MicroMessenger/i.test(userAgent)
}

/** What stands in the way before a device is even asked for. */
export function problemBefore(s: Surroundings): DeviceProblem | undefined {
  if (!s.webrtc) return isInAppBrowser(s.userAgent) ? 'inapp' : 'unsupported'
  if (s.mediaDevices) return undefined
  if (!s.secure) return 'insecure'
  return isInAppBrowser(s.userAgent) ? 'inapp' : 'unsupported'
}

/** Maps the exceptions of getUserMedia (W3C Media Capture and Streams, 10.2). */
export function problemOf(error: unknown): DeviceProblem {
  const name = error instanceof Error || error instanceof DOMException ? error.name : ''
  switch (name) {
    case 'NotAllowedError':
    case 'PermissionDeniedError':
    case 'SecurityError':
      return 'denied'
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return 'busy'
    case 'NotFoundError':
    case 'DevicesNotFoundError':
    case 'OverconstrainedError':
      return 'missing'
    default:
      return 'failed'
  }
}

export function surroundings(): Surroundings {
  return {
    secure: window.isSecureContext,
    webrtc: typeof RTCPeerConnection === 'function',
    mediaDevices: typeof navigator.mediaDevices?.getUserMedia === 'function',
    userAgent: navigator.userAgent,
  }
}

/** How exactly a device is asked for: one that a person has just chosen must be that one, a remembered one need not. */
export type Insistence = 'ideal' | 'exact'

/** A picture's size and rate: 16 to 9, upright on a phone held upright (browsers turn it by themselves). */
export function pictureConstraints(height = 720): MediaTrackConstraints {
  return { width: { ideal: Math.round((height * 16) / 9) }, height: { ideal: height }, frameRate: { ideal: 30 } }
}

/** A voice cut out of everything else (Media Capture and Streams Extensions), which livekit-client asks for unless told. */
interface Isolation {
  voiceIsolation: boolean
}

/**
 * What is done to a voice on its way; isolation of it goes with noise suppression. Chromium takes a switched noise suppression of a device in use only
 * when insisted upon.
 */
export function voiceConstraints(noiseSuppression = true, insistence: Insistence = 'ideal'): MediaTrackConstraints & Isolation {
  return { echoCancellation: true, noiseSuppression: { [insistence]: noiseSuppression }, autoGainControl: true, voiceIsolation: noiseSuppression }
}

/**
 * Constraints for the picture that the page sends, 720 lines unless told, from the camera with an id or the one that looks some way. An empty id
 * leaves the choice to the browser.
 */
export function cameraConstraints(camera: string | { facing: Facing }, height = 720, insistence: Insistence = 'ideal'): MediaTrackConstraints {
  const which = typeof camera === 'string' ? (camera ? { deviceId: { [insistence]: camera } } : { facingMode: 'user' }) : { facingMode: { [insistence]: camera.facing } }
  return { ...pictureConstraints(height), ...which }
}

export function microphoneConstraints(deviceId: string, noiseSuppression = true, insistence: Insistence = 'ideal'): MediaTrackConstraints {
  return { ...voiceConstraints(noiseSuppression), ...(deviceId ? { deviceId: { [insistence]: deviceId } } : {}) }
}

/** A microphone for music: nothing is taken from what it hears, in stereo where it can. */
export function musicConstraints(deviceId: string): MediaTrackConstraints & Isolation {
  return {
    echoCancellation: false, noiseSuppression: false, autoGainControl: false, voiceIsolation: false, channelCount: { ideal: 2 }, sampleRate: { ideal: 48_000 },
    ...(deviceId ? { deviceId: { ideal: deviceId } } : {}),
  }
}

/** A shared screen is to stay sharp, and its sound is no voice to be cleaned. */
export const screenConstraints: DisplayMediaStreamOptions = {
  video: { frameRate: { ideal: 30, max: 30 } },
  audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
}
