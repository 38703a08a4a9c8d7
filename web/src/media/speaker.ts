import { recall } from '../remember'

/** Browsers that let the page choose a speaker have this (W3C Audio Output Devices API, 3.1). */
type SinkElement = HTMLMediaElement & { setSinkId(deviceId: string): Promise<void> }

const elements = new Set<SinkElement>()
let current = recall('speaker')

export function canChooseSpeaker(): boolean {
  return typeof HTMLMediaElement !== 'undefined' && 'setSinkId' in HTMLMediaElement.prototype
}

/** Keeps an element on the chosen speaker until the returned function is called. Without a choice, or the means, it does nothing. */
export function applySpeaker(element: HTMLMediaElement): () => void {
  if (!canChooseSpeaker()) return () => {}
  const sink = element as SinkElement
  elements.add(sink)
  if (current) void sink.setSinkId(current).catch(() => {})
  return () => void elements.delete(sink)
}

/**
 * Moves all sound of the page to a speaker; "" is the system's. Tells whether every element followed: one that did not goes
 * on where it was.
 */
export async function chooseSpeaker(deviceId: string): Promise<boolean> {
  current = deviceId
  const moved = await Promise.allSettled([...elements].map((element) => element.setSinkId(deviceId)))
  return moved.every(({ status }) => status === 'fulfilled')
}
