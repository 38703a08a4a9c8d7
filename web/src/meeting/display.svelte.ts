import { t } from '../i18n/index.svelte'
import { toast } from '../ui/toasts.svelte'

/** The whole screen for the meeting, and one picture that floats over other programs: what browsers lend a page. */
export class Display {
  readonly mayFill = document.fullscreenEnabled
  readonly mayFloat = document.pictureInPictureEnabled
  full = $state(false)

  /** Follows the browser, whose own keys end both, until the returned function is called. That ends both too. */
  follow(): () => void {
    const look = () => (this.full = document.fullscreenElement !== null)
    document.addEventListener('fullscreenchange', look)
    return () => {
      document.removeEventListener('fullscreenchange', look)
      if (document.pictureInPictureElement) void document.exitPictureInPicture().catch(() => {})
      if (document.fullscreenElement) void document.exitFullscreen().catch(() => {})
    }
  }

  /** Of the page as a whole: what is said in passing lies outside the meeting. */
  fill() {
    if (document.fullscreenElement) void document.exitFullscreen().catch(() => {})
    else void document.documentElement.requestFullscreen().catch(() => {})
  }

  async float(picture: HTMLVideoElement | undefined) {
    try {
      if (document.pictureInPictureElement) await document.exitPictureInPicture()
      else await picture!.requestPictureInPicture()
    } catch {
      toast(t().meeting.pipUnavailable, 'bad')
    }
  }
}

/** The picture to float: of those of others than `own` the large one, else the first. */
export function pictureToFloat(stage: HTMLElement | undefined, own: string): HTMLVideoElement | undefined {
  const others = [...(stage?.querySelectorAll<HTMLElement>('figure') ?? [])].filter((figure) => figure.dataset.identity !== own)
  const pictures = others.flatMap((figure) => figure.querySelector('video') ?? [])
  return pictures.find((picture) => picture.closest('.main')) ?? pictures[0]
}
