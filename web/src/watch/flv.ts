import mpegts from 'mpegts.js'
import { credentialHeaders } from '../api/client'
import { bufferedAhead, empty, type Player, type PlayerOptions } from './player'

/** Plays HTTP-FLV through Media Source Extensions. */
export function playFlv({ video, url, credential, hasVideo, hasAudio, failed }: PlayerOptions): Player {
  mpegts.LoggingControl.enableAll = false
  const player = mpegts.createPlayer(
    { type: 'flv', isLive: true, url: new URL(url, location.href).href, hasVideo, hasAudio },
    {
      enableStashBuffer: false,
      lazyLoad: false,
      deferLoadAfterSourceOpen: false,
      autoCleanupSourceBuffer: true,
      liveBufferLatencyChasing: true,
      liveBufferLatencyMaxLatency: 2.5,
      liveBufferLatencyMinRemain: 0.6,
      headers: credentialHeaders(credential),
    },
  )
  let ended = false
  player.on(mpegts.Events.ERROR, (type: string, detail: string, info?: { code?: number }) => {
    if (ended) return
    if (type === mpegts.ErrorTypes.MEDIA_ERROR) failed('media')
    else failed(detail === mpegts.ErrorDetails.NETWORK_STATUS_CODE_INVALID && info?.code === 404 ? 'off' : 'network')
  })
  // The server ends the response when the show ends.
  player.on(mpegts.Events.LOADING_COMPLETE, () => {
    if (!ended) failed('network')
  })
  player.attachMediaElement(video)
  player.load()

  return {
    progress: async () => video.currentTime,
    delay: async () => ({ seconds: bufferedAhead(video), of: 'buffer' }),
    catchUp() {
      if (bufferedAhead(video) > 3) video.currentTime += bufferedAhead(video) - 0.6
    },
    stop() {
      ended = true
      player.destroy()
      empty(video)
    },
  }
}
