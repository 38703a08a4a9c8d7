import Hls from 'hls.js'
import { credentialHeaders } from '../api/client'
import { hopeless, pace } from './pace'
import { bufferedAhead, empty, type Player, type PlayerOptions } from './player'
import { ServerClock } from './serverclock'

const paceEvery = 250
/** For how many milliseconds after the first picture what has gathered meanwhile may be passed over. */
const settling = 3000

/** Plays HLS through hls.js, with low latency where the server offers it. */
export function playHls({ video, url, credential, failed }: PlayerOptions): Player {
  const headers = Object.entries(credentialHeaders(credential))
  const index = new URL(url, location.href).href
  const hls = new Hls({
    lowLatencyMode: true,
    backBufferLength: 30,
    // The pace is ours, for hls.js leaves alone who is more than a segment late, and takes long to get there.
    maxLiveSyncPlaybackRate: 1,
    // Each time it runs dry it stays further behind; by a whole second, as is usual, would be the end of low latency.
    liveSyncOnStallIncrease: 0.25,
    abrEwmaDefaultEstimate: 5_000_000,
    startFragPrefetch: true,
    // What the multivariant playlist names is the same for everybody, also for caches.
    xhrSetup: (request, address) => {
      if (new URL(address, location.href).href === index) for (const [name, value] of headers) request.setRequestHeader(name, value)
    },
  })
  const clock = new ServerClock()
  hls.on(Hls.Events.LEVEL_LOADED, (_, { networkDetails }) => {
    if (!(networkDetails instanceof XMLHttpRequest)) return
    clock.heard(networkDetails.getResponseHeader('Date'), networkDetails.getResponseHeader('Age'), Date.now())
  })
  let ended = false
  let recovered = false
  /** Plays the newest, rather than what somebody went back to. */
  let following = true
  let began: number | undefined
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
  hls.loadSource(index)
  hls.attachMedia(video)

  const keepUp = () => {
    if (!following) {
      video.playbackRate = 1
      return
    }
    if (video.paused || video.readyState < 2 || hls.targetLatency === null) return
    const late = hls.latency - hls.targetLatency
    const ahead = bufferedAhead(video)
    began ??= performance.now()
    if (late > hopeless && hls.liveSyncPosition) video.currentTime = hls.liveSyncPosition
    else if (performance.now() - began < settling && late > 0.5 && ahead > 1.2) video.currentTime += Math.min(late, ahead - 0.6)
    else video.playbackRate = pace({ late, ahead })
  }
  const pacing = window.setInterval(keepUp, paceEvery)

  const bounds = () => {
    const first = hls.latestLevelDetails?.fragments[0]
    const end = hls.liveSyncPosition
    return first && end !== null ? { start: first.start, end } : undefined
  }
  return {
    progress: async () => video.currentTime,
    async delay() {
      const now = clock.at(Date.now())
      const playing = hls.playingDate
      if (now !== undefined && playing) return { seconds: Math.max(0, (now - playing.getTime()) / 1000), of: 'show' }
      return { seconds: bufferedAhead(video), of: 'buffer' }
    },
    history() {
      const range = bounds()
      return range && { length: Math.max(0, range.end - range.start), behind: following ? 0 : Math.max(0, range.end - video.currentTime) }
    },
    goBack(seconds) {
      const range = bounds()
      if (!range) return
      following = seconds <= 0
      // The oldest is about to leave.
      video.currentTime = following ? range.end : Math.max(range.end - seconds, Math.min(range.start + 2, range.end))
    },
    quality() {
      const heights = [...new Set(hls.levels.map((level) => level.height))].filter((height) => height > 0).sort((a, b) => b - a)
      if (heights.length < 2) return undefined
      return { heights, now: hls.levels[hls.currentLevel]?.height ?? 0, chosen: hls.levels[hls.manualLevel]?.height }
    },
    chooseQuality(height) {
      hls.nextLevel = height === undefined ? -1 : hls.levels.findIndex((level) => level.height === height)
    },
    catchUp() {
      if (following && hls.liveSyncPosition && hls.liveSyncPosition - video.currentTime > 4) video.currentTime = hls.liveSyncPosition
    },
    stop() {
      ended = true
      clearInterval(pacing)
      video.playbackRate = 1
      hls.destroy()
      empty(video)
    },
  }
}
