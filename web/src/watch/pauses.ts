/** The part of a video element that is used, so that tests can stand in for it. */
export type Pausable = Pick<HTMLVideoElement, 'paused' | 'addEventListener' | 'removeEventListener'> & {
  /** In the player that iPhones have for the whole screen. */
  readonly webkitDisplayingFullscreen?: boolean
}

interface Listener {
  /** Somebody wishes that it stands still. */
  stopped(): void
  /** It stands still by nobody's wish before whoever looks at the page, and nothing has played it on since. Tells whether that was played on now. */
  stands(): boolean
  /** It plays, whoever or whatever played it. */
  played(): void
  /** Somebody wishes that it plays. */
  wanted(): void
}

/** Closing a floating window pauses too, before or after the window is said to be gone; in milliseconds. */
const windowLasts = 1000
/**
 * What pauses mostly hides the page then, or plays on by itself; in milliseconds. (A call that comes in does both, and an iPhone pauses before it says
 * that the page is hidden.)
 */
const settles = 1500
/** Who pauses again what was played on so shortly before means it; and nothing that always pauses is fought with. */
const insistence = 3000

/** In the player that iPhones have for the whole screen. */
export function inOwnPlayer(video: Pausable): boolean {
  return video.webkitDisplayingFullscreen === true
}

/** In a window of its own over all others, which closes with its player. */
export function isFloating(video: Pausable): boolean {
  return (document.pictureInPictureElement as unknown) === video
}

/**
 * Tells what a video's pauses are until the returned function is called. Whoever pauses in a floating window or with its X wishes so. So does whoever
 * pauses in an iPhone's own player, until they leave it. A call that comes in, or a browser that saves power, does not.
 */
export function followPauses(video: Pausable, { stopped, stands, played, wanted }: Listener): () => void {
  const abort = new AbortController()
  const { signal } = abort
  const on = (name: string, hear: () => void) => video.addEventListener(name, hear, { signal })
  let floats = false
  let closing: ReturnType<typeof setTimeout>
  let settling: ReturnType<typeof setTimeout>
  let playedOn = -Infinity

  on('pause', () => {
    if (!video.paused) return // played on before this was told
    clearTimeout(settling)
    if (floats || inOwnPlayer(video) || performance.now() - playedOn < insistence) {
      stopped()
      return
    }
    settling = setTimeout(() => {
      if (!video.paused || document.visibilityState !== 'visible') return
      if (stands()) playedOn = performance.now()
    }, settles)
  })
  on('play', () => {
    clearTimeout(settling)
    if (!video.paused) played()
  })
  on('enterpictureinpicture', () => {
    clearTimeout(closing)
    floats = true
  })
  on('leavepictureinpicture', () => (closing = setTimeout(() => (floats = false), windowLasts)))
  on('webkitendfullscreen', () => {
    if (video.paused) wanted()
  })
  return () => {
    abort.abort()
    clearTimeout(closing)
    clearTimeout(settling)
  }
}

/** Takes the keys for media, and a phone's controls on its lock screen, until the returned function is called: then they play what else the page has. */
export function takeKeys(keys: { pause(): void; play(): void }): () => void {
  const { mediaSession } = navigator
  for (const action of ['pause', 'play'] as const) mediaSession?.setActionHandler(action, () => keys[action]())
  return () => {
    for (const action of ['pause', 'play'] as const) mediaSession?.setActionHandler(action, null)
  }
}
