import { empty, type Player, type PlayerOptions } from './player'

/** Plays HLS in browsers that do so by themselves (iPhones). They send no headers, so the key goes into the address. */
export function playNativeHls({ video, url, credential, failed }: PlayerOptions): Player {
  const address = new URL(url, location.href)
  if ('key' in credential && credential.key) address.searchParams.set('key', credential.key)
  let ended = false
  const broken = () => {
    if (ended) return
    failed(video.error && video.error.code >= MediaError.MEDIA_ERR_DECODE ? 'media' : 'network')
  }
  video.addEventListener('error', broken)
  video.src = address.href

  const edge = () => (video.seekable.length > 0 ? video.seekable.end(video.seekable.length - 1) : 0)
  const oldest = () => (video.seekable.length > 0 ? video.seekable.start(0) : 0)
  let following = true
  return {
    progress: async () => video.currentTime,
    delay: async () => (edge() > 0 ? { seconds: edge() - video.currentTime, of: 'buffer' } : undefined),
    history: () => (edge() > 0 ? { length: Math.max(0, edge() - 3 - oldest()), behind: following ? 0 : Math.max(0, edge() - 3 - video.currentTime) } : undefined),
    goBack(seconds) {
      following = seconds <= 0
      video.currentTime = Math.max(edge() - 3 - seconds, oldest() + 2)
    },
    catchUp() {
      if (following && edge() - video.currentTime > 8) video.currentTime = edge() - 3
    },
    stop() {
      ended = true
      video.removeEventListener('error', broken)
      empty(video)
    },
  }
}
