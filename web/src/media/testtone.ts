import { applySpeaker } from './speaker'

/** Two tones, one after the other, as [Hz, start in seconds]. */
const notes: [number, number][] = [[523.25, 0], [783.99, 0.35]]
/** How long both take, in milliseconds. */
const length = 900

/** Plays two tones on the chosen speaker; resolves when they are over. */
export async function playTestTone(): Promise<void> {
  const context = new AudioContext()
  // An element follows the chosen speaker in every browser that lets one be chosen.
  const element = new Audio()
  const out = context.createMediaStreamDestination()
  element.srcObject = out.stream
  const forget = applySpeaker(element)
  try {
    await element.play()
    const start = context.currentTime + 0.05
    for (const [frequency, at] of notes) {
      const tone = new OscillatorNode(context, { frequency })
      const gain = new GainNode(context, { gain: 0 })
      gain.gain.setValueAtTime(0, start + at)
      gain.gain.linearRampToValueAtTime(0.25, start + at + 0.03)
      gain.gain.exponentialRampToValueAtTime(0.001, start + at + 0.5)
      tone.connect(gain).connect(out)
      tone.start(start + at)
      tone.stop(start + at + 0.5)
    }
    await new Promise((resolve) => setTimeout(resolve, length))
  } catch {
    // Where no sound may be played, none is.
  } finally {
    forget()
    element.srcObject = null
    await context.close()
  }
}
