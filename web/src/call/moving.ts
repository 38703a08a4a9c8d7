import type { Picture } from '../room/view'

interface Shown {
  picture: Picture | undefined
  /** Told when a picture's own size is known or changes. */
  onsize: (size: { width: number; height: number }) => void
  label: string
}

/** How long a new picture may take to show its first frame before it takes the old one's place all the same, in ms. */
const firstFrame = 4000

/**
 * Shows a picture in an element, and another one in its place without a gap: the new one is decoded behind the old one until its first frame is
 * there. Picture in picture goes over with it.
 */
export function moving(node: HTMLElement, shown: Shown) {
  let now = shown
  let front: { video: HTMLVideoElement; picture: Picture } | undefined
  let back: { video: HTMLVideoElement; picture: Picture; timer: ReturnType<typeof setTimeout> } | undefined

  function make(picture: Picture): HTMLVideoElement {
    const video = document.createElement('video')
    video.autoplay = video.muted = video.playsInline = true
    video.setAttribute('aria-label', now.label)
    const size = () => {
      if (front?.video === video) now.onsize({ width: video.videoWidth, height: video.videoHeight })
    }
    video.addEventListener('resize', size)
    video.addEventListener('loadedmetadata', size)
    picture.attach(video)
    return video
  }

  function drop(entry: { video: HTMLVideoElement; picture: Picture }) {
    entry.picture.detach(entry.video)
    entry.video.remove()
  }

  function cancel() {
    if (!back) return
    clearTimeout(back.timer)
    drop(back)
    back = undefined
  }

  function swap() {
    if (!back) return
    const old = front
    clearTimeout(back.timer)
    front = { video: back.video, picture: back.picture }
    back = undefined
    front.video.classList.remove('coming')
    if (old) {
      const floats = document.pictureInPictureElement === old.video
      // A window that is open already may change its picture without being asked again.
      if (floats) void front.video.requestPictureInPicture().catch(() => {})
      drop(old)
    }
    now.onsize({ width: front.video.videoWidth, height: front.video.videoHeight })
  }

  function show(picture: Picture | undefined) {
    if (picture === (back ?? front)?.picture) return
    cancel()
    if (!picture) {
      if (front) drop(front)
      front = undefined
      return
    }
    if (front && front.picture === picture) return
    const video = make(picture)
    if (!front) {
      front = { video, picture }
      node.append(video)
      return
    }
    video.classList.add('coming')
    node.append(video)
    back = { video, picture, timer: setTimeout(swap, firstFrame) }
    const mine = back
    const decoded = () => {
      if (back === mine) swap()
    }
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(decoded)
    else video.addEventListener('loadeddata', decoded, { once: true })
  }

  show(shown.picture)
  return {
    update(next: Shown) {
      now = next
      for (const entry of [front, back]) entry?.video.setAttribute('aria-label', next.label)
      show(next.picture)
    },
    destroy() {
      cancel()
      if (front) drop(front)
    },
  }
}
