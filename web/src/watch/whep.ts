import { credentialHeaders, errorOf } from '../api/client'
import { empty, type Player, type PlayerOptions } from './player'

/**
 * Plays over WHEP (draft-ietf-wish-whep): one offer, one answer, no trickle, since the server's candidates come in the answer.
 */
export function playWhep({ video, url, credential, failed }: PlayerOptions): Player {
  const peer = new RTCPeerConnection()
  const stream = new MediaStream()
  const abort = new AbortController()
  let session = ''
  let ended = false

  peer.addTransceiver('audio', { direction: 'recvonly' })
  peer.addTransceiver('video', { direction: 'recvonly' })
  peer.addEventListener('track', ({ track }) => {
    // An element with a video track but no frames stays silent, so tracks come in when their first packets do.
    if (!track.muted) stream.addTrack(track)
    track.addEventListener('unmute', () => stream.addTrack(track))
  })
  peer.addEventListener('connectionstatechange', () => {
    if (!ended && peer.connectionState === 'failed') failed('network')
  })
  video.srcObject = stream

  async function connect() {
    const offer = await peer.createOffer()
    // Without this browsers fold stereo into mono (RFC 7587, 6.1).
    await peer.setLocalDescription({ type: 'offer', sdp: offer.sdp!.replace('useinbandfec=1', 'useinbandfec=1;stereo=1') })
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', ...credentialHeaders(credential) },
      body: peer.localDescription!.sdp,
      credentials: 'omit',
      signal: abort.signal,
    })
    if (ended) return
    if (!response.ok) {
      const { code } = await errorOf(response)
      const media = response.status === 406 || response.status === 415 || response.status === 422
      failed(code === 'not_live' || response.status === 404 ? 'off' : media ? 'media' : 'network')
      return
    }
    const location = response.headers.get('Location')
    if (location) session = new URL(location, response.url).href
    const sdp = await response.text()
    if (ended) {
      hangUp()
      return
    }
    await peer.setRemoteDescription({ type: 'answer', sdp })
  }

  function hangUp() {
    if (session === '') return
    void fetch(session, {
      method: 'DELETE', headers: credentialHeaders(credential), credentials: 'omit', keepalive: true,
    }).catch(() => {})
    session = ''
  }
  addEventListener('pagehide', hangUp)

  connect().catch(() => {
    if (!ended) failed('network')
  })

  let before = { delay: 0, count: 0 }

  return {
    async progress() {
      let bytes = 0
      for (const report of (await peer.getStats()).values()) {
        if (report.type === 'inbound-rtp') bytes += report.bytesReceived ?? 0
      }
      return bytes
    },
    async delay() {
      let roundTrip = 0
      let sum: { delay: number; count: number } | undefined
      for (const report of (await peer.getStats()).values()) {
        if (report.type === 'candidate-pair' && report.nominated) roundTrip = report.currentRoundTripTime ?? 0
        if (report.type === 'inbound-rtp' && (report.kind === 'video' || !sum) && report.jitterBufferEmittedCount) {
          sum = { delay: report.jitterBufferDelay + (report.totalProcessingDelay ?? 0), count: report.jitterBufferEmittedCount }
        }
      }
      if (!sum || sum.count <= before.count) return undefined
      const inBuffer = (sum.delay - before.delay) / (sum.count - before.count)
      before = sum
      return { seconds: inBuffer + roundTrip / 2, of: 'buffer' }
    },
    catchUp() {},
    stop() {
      ended = true
      abort.abort()
      removeEventListener('pagehide', hangUp)
      hangUp()
      peer.close()
      empty(video)
    },
  }
}
