import mpegts from 'mpegts.js'
import { credentialHeaders } from '../api/client'
import { beyondHole } from './holes'
import { hopeless, pace } from './pace'
import { bufferedAhead, empty, type Failure, type Player, type PlayerOptions } from './player'

/** How much lies in front of the picture at the least when it is where it should be, in seconds. */
const cushion = 0.2
/** What comes unevenly is seen over two seconds. */
const paceEvery = 250
const looks = 8
/** mpegts.js takes places before this for the beginning in some browsers, in seconds. */
const earliest = 1
/** Jumps are made only in the beginning, in ms. */
const beginning = 1500

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
      headers: credentialHeaders(credential),
    },
  )
  let ended = false
  // Whoever hears of it ends the player, which must not happen within its own call.
  const fail = (why: Failure) => queueMicrotask(() => {
    if (!ended) failed(why)
  })
  player.on(mpegts.Events.ERROR, (type: string, detail: string, info?: { code?: number }) => {
    if (type === mpegts.ErrorTypes.MEDIA_ERROR) fail('media')
    else fail(detail === mpegts.ErrorDetails.NETWORK_STATUS_CODE_INVALID && info?.code === 404 ? 'off' : 'network')
  })
  // The server ends the response when the show ends.
  player.on(mpegts.Events.LOADING_COMPLETE, () => fail('network'))
  player.attachMediaElement(video)
  player.load()

  let begun = 0
  let seen: number[] = []
  let passed = 0
  const goTo = (at: number) => {
    video.currentTime = at
    passed = at
    seen = []
  }
  const toEdge = () => {
    const { buffered } = video
    if (buffered.length === 0) return
    // One look sees what came last, or what will come next: the edge is somewhere between, and not in a hole.
    goTo(Math.max(video.currentTime, buffered.start(buffered.length - 1), buffered.end(buffered.length - 1) - 1.5 * cushion))
  }
  const pacing = window.setInterval(() => {
    if (video.paused || video.seeking) return
    const beyond = beyondHole(video.buffered, Math.max(video.currentTime, earliest), cushion, passed)
    if (beyond !== undefined) {
      goTo(beyond)
      return
    }
    if (video.readyState < 2) return
    begun ||= performance.now()
    seen = [...seen, bufferedAhead(video)].slice(-looks)
    const ahead = Math.min(...seen)
    const late = ahead - cushion
    // The stream begins with the last keyframe: what was before the viewer came is passed over.
    if (late > hopeless || (late > 0.3 && performance.now() - begun < beginning)) toEdge()
    else video.playbackRate = pace({ late, ahead, low: cushion / 2, enough: cushion })
  }, paceEvery)

  return {
    progress: async () => video.currentTime,
    delay: async () => ({ seconds: bufferedAhead(video), of: 'buffer' }),
    catchUp() {
      if (bufferedAhead(video) > 3) toEdge()
    },
    stop() {
      ended = true
      clearInterval(pacing)
      video.playbackRate = 1
      player.destroy()
      empty(video)
    },
  }
}
