import { t } from '../i18n/index.svelte'
import { toast } from '../ui/toasts.svelte'

/** The whole screen for the meeting, and one picture that floats over other programs: what browsers lend a page. */
export class Display {
  readonly mayFill = document.fullscreenEnabled
  readonly mayFloat = document.pictureInPictureEnabled
  full = $state(false)

  /** Follows the browser, whose own keys end both, until the returned function is called. That ends the floating picture too. */
  follow(): () => void {
    const look = () => (this.full = document.fullscreenElement !== null)
    document.addEventListener('fullscreenchange', look)
    return () => {
      document.removeEventListener('fullscreenchange', look)
      if (document.pictureInPictureElement) void document.exitPictureInPicture().catch(() => {})
    }
  }

  fill(whole: HTMLElement | undefined) {
    if (document.fullscreenElement) void document.exitFullscreen()
    else void whole?.requestFullscreen?.().catch(() => {})
  }

  async float(picture: HTMLVideoElement | null | undefined) {
    try {
      if (document.pictureInPictureElement) await document.exitPictureInPicture()
      else await picture!.requestPictureInPicture()
    } catch {
      toast(t().meeting.pipUnavailable, 'bad')
    }
  }
}

/** The picture to float: the large one, else the first of somebody who is not `own`. */
export function pictureToFloat(stage: HTMLElement | undefined, own: string): HTMLVideoElement | null | undefined {
  return (
    stage?.querySelector<HTMLVideoElement>('.main video') ??
    [...(stage?.querySelectorAll<HTMLElement>('figure') ?? [])].find((figure) => figure.dataset.identity !== own)?.querySelector('video')
  )
}
