/** The part of a video element that is used, so that tests can stand in for it. */
export type Pausable = Pick<HTMLVideoElement, 'paused' | 'pause' | 'addEventListener' | 'removeEventListener'> & {
  /** In the player that iPhones have for the whole screen. */
  readonly webkitDisplayingFullscreen?: boolean
}

interface Listener {
  /** It stands still: by somebody's wish, or by whatever else stops a picture. */
  paused(wished: boolean): void
  played(): void
  /** Somebody wishes that it plays. */
  wanted(): void
}

/** Closing a floating window pauses too, before or after the window is said to be gone; in milliseconds. */
const windowLasts = 1000
/** Who pauses again what was played on so shortly before means it; and nothing that always pauses is fought with. */
const insistence = 3000

/**
 * Tells what a video's pauses are until the returned function is called. Whoever pauses with the keys for media, in a floating window or with its X
 * wishes so. So does whoever pauses in an iPhone's own player, until they leave it. A call that comes in, or a browser that saves power, does not.
 */
export function followPauses(video: Pausable, { paused, played, wanted }: Listener): () => void {
  const abort = new AbortController()
  const { signal } = abort
  const on = (name: string, hear: () => void) => video.addEventListener(name, hear, { signal })
  let asked = false
  let floats = false
  let closing: ReturnType<typeof setTimeout>
  let disturbed = -Infinity

  on('pause', () => {
    if (!video.paused) return // played on before this was told
    const now = performance.now()
    paused(asked || floats || video.webkitDisplayingFullscreen === true || now - disturbed < insistence)
    asked = false
    disturbed = now
  })
  on('play', played)
  on('enterpictureinpicture', () => {
    clearTimeout(closing)
    floats = true
  })
  on('leavepictureinpicture', () => (closing = setTimeout(() => (floats = false), windowLasts)))
  on('webkitendfullscreen', () => {
    if (video.paused) wanted()
  })
  const { mediaSession } = navigator
  mediaSession?.setActionHandler('pause', () => {
    asked = !video.paused
    if (asked) video.pause()
    else paused(true)
  })
  mediaSession?.setActionHandler('play', wanted)

  return () => {
    abort.abort()
    clearTimeout(closing)
    for (const action of ['pause', 'play'] as const) mediaSession?.setActionHandler(action, null)
  }
}
