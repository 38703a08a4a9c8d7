/** Two soft tones every three seconds. */
const pattern = [
  { at: 0, frequency: 587 },
  { at: 0.22, frequency: 784 },
]
const every = 3000

/** Rings, shakes and lets the title call until the returned function is called. A page that may not sound yet is silent. */
export function startRinging(title: string): () => void {
  const before = document.title
  let on = false
  const flash = setInterval(() => (document.title = (on = !on) ? title : before), 1000)
  let context: AudioContext | undefined
  try {
    context = new AudioContext()
  } catch {
    // Silent, then.
  }
  const ring = () => {
    navigator.vibrate?.([200, 120, 200])
    if (!context) return
    void context.resume().catch(() => {})
    for (const { at, frequency } of pattern) tone(context, context.currentTime + at, frequency)
  }
  ring()
  const timer = setInterval(ring, every)
  return () => {
    clearInterval(timer)
    clearInterval(flash)
    document.title = before
    navigator.vibrate?.(0)
    void context?.close()
  }
}

function tone(context: AudioContext, at: number, frequency: number) {
  const oscillator = new OscillatorNode(context, { frequency, type: 'sine' })
  const gain = new GainNode(context, { gain: 0 })
  gain.gain.setValueAtTime(0, at)
  gain.gain.linearRampToValueAtTime(0.16, at + 0.02)
  gain.gain.exponentialRampToValueAtTime(0.001, at + 0.6)
  oscillator.connect(gain).connect(context.destination)
  oscillator.start(at)
  oscillator.stop(at + 0.65)
}
