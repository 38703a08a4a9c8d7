import { problemBefore, problemOf, surroundings, type DeviceProblem } from './devices'

/** Asks the browser for one device. Gives its track, or why there is none. */
export async function askFor(wish: { video: MediaTrackConstraints } | { audio: MediaTrackConstraints }): Promise<{ track?: MediaStreamTrack; problem?: DeviceProblem }> {
  const before = problemBefore(surroundings())
  if (before) return { problem: before }
  try {
    const [track] = (await navigator.mediaDevices.getUserMedia(wish)).getTracks()
    return track ? { track } : { problem: 'failed' }
  } catch (error) {
    return { problem: problemOf(error) }
  }
}

/** The id of the device that a track comes from; empty where there is none. */
export function idOf(track: MediaStreamTrack | undefined): string {
  return track?.getSettings().deviceId ?? ''
}
