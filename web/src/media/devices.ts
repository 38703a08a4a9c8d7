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

/** Constraints for the picture that the page sends: 720p, upright on a phone held upright (browsers turn it by themselves). */
export function cameraConstraints(deviceId: string): MediaTrackConstraints {
  return {
    width: { ideal: 1280 },
    height: { ideal: 720 },
    frameRate: { ideal: 30 },
    ...(deviceId ? { deviceId: { ideal: deviceId } } : { facingMode: 'user' }),
  }
}

export function microphoneConstraints(deviceId: string): MediaTrackConstraints {
  return {
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
    ...(deviceId ? { deviceId: { ideal: deviceId } } : {}),
  }
}
