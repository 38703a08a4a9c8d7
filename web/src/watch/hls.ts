import Hls from 'hls.js'
import { credentialHeaders } from '../api/client'
import { bufferedAhead, empty, type Player, type PlayerOptions } from './player'
import { ServerClock } from './serverclock'

/** Plays HLS through hls.js. */
export function playHls({ video, url, credential, failed }: PlayerOptions): Player {
  const headers = Object.entries(credentialHeaders(credential))
  const hls = new Hls({
    lowLatencyMode: true,
    backBufferLength: 10,
    liveSyncDurationCount: 2,
    liveMaxLatencyDurationCount: 6,
    maxLiveSyncPlaybackRate: 1.1,
    xhrSetup: (request) => {
      for (const [name, value] of headers) request.setRequestHeader(name, value)
    },
  })
  const clock = new ServerClock()
  hls.on(Hls.Events.LEVEL_LOADED, (_, { networkDetails }) => {
    if (!(networkDetails instanceof XMLHttpRequest)) return
    clock.heard(networkDetails.getResponseHeader('Date'), networkDetails.getResponseHeader('Age'), Date.now())
  })
  let ended = false
  let recovered = false
  hls.on(Hls.Events.ERROR, (_, error) => {
    if (ended || !error.fatal) return
    if (error.type === Hls.ErrorTypes.MEDIA_ERROR) {
      // A broken piece can be skipped once; what breaks again cannot be played here.
      if (recovered || error.details === Hls.ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR) failed('media')
      else {
        recovered = true
        hls.recoverMediaError()
      }
    } else {
      failed(error.response?.code === 404 ? 'off' : 'network')
    }
  })
  hls.loadSource(url)
  hls.attachMedia(video)

  return {
    progress: async () => video.currentTime,
    async delay() {
      const now = clock.at(Date.now())
      const playing = hls.playingDate
      if (now !== undefined && playing) return { seconds: Math.max(0, (now - playing.getTime()) / 1000), of: 'show' }
      return { seconds: bufferedAhead(video), of: 'buffer' }
    },
    catchUp() {
      const edge = hls.liveSyncPosition
      if (edge && edge - video.currentTime > 4) video.currentTime = edge
    },
    stop() {
      ended = true
      hls.destroy()
      empty(video)
    },
  }
}
