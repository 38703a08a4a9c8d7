// Encoders that publish into a room: ffmpeg over RTMP, and a browser over WHIP.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { patience } from './patience.mjs'

/** Publishes a colour that is no participant's, with a tone, over RTMP, until `stop`. */
export function publishRtmp(url, { colour, tone, bframes = 0 }) {
  return encoder([
    '-re', '-f', 'lavfi', '-i', `color=c=0x${hexOf(colour)}:s=640x360:r=30,drawbox=x=mod(t*100\\,600):y=20:w=30:h=40:c=white:t=fill`,
    '-f', 'lavfi', '-i', `sine=frequency=${tone}:sample_rate=48000`,
    '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-profile:v', 'main', '-g', '60', '-bf', String(bframes),
    ...(bframes === 0 ? ['-tune', 'zerolatency'] : []), '-b:v', '800k',
    '-c:a', 'aac', '-b:a', '128k', '-ac', '2', '-f', 'flv', url,
  ])
}

/** Publishes a colour over RTMP until `stop`: pictures of two sizes by turns, each for six seconds, with none for two and a half between them; a tone goes on. */
export function publishPieces(url, { colour, tone }) {
  const directory = mkdtempSync(join(tmpdir(), 'tutti-e2e-pieces-'))
  for (const size of ['320x180', '480x270']) {
    const { status, stderr } = spawnSync('ffmpeg', [
      '-hide_banner', '-loglevel', 'error', '-f', 'lavfi', '-i', `color=c=0x${hexOf(colour)}:s=${size}:r=15`, '-t', '6',
      '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-g', '30', join(directory, `${size}.flv`),
    ])
    if (status !== 0) throw new Error(`ffmpeg: ${stderr}`)
  }
  writeFileSync(join(directory, 'list'), 'file 320x180.flv\nduration 8.5\nfile 480x270.flv\nduration 8.5\n'.repeat(100))
  return encoder([
    '-re', '-f', 'concat', '-i', join(directory, 'list'), '-re', '-f', 'lavfi', '-i', `sine=frequency=${tone}:sample_rate=48000`,
    '-map', '0:v', '-map', '1:a', '-c:v', 'copy', '-c:a', 'aac', '-f', 'flv', url,
  ], () => rmSync(directory, { recursive: true }))
}

const hexOf = (colour) => colour.map((value) => value.toString(16).padStart(2, '0')).join('')

/** Runs ffmpeg until `stop`. */
function encoder(args, ended = () => {}) {
  const child = spawn('ffmpeg', ['-hide_banner', '-loglevel', 'error', ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  child.once('exit', ended)
  let said = ''
  child.stderr.on('data', (chunk) => (said += chunk))
  return {
    said: () => said,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGINT')
      const timer = setTimeout(() => child.kill('SIGKILL'), patience)
      await gone
      clearTimeout(timer)
    },
  }
}

/**
 * Publishes the made-up signal of a page over WHIP (RFC 9725), until `stop`. The page may be of any origin.
 * @param {{layers?: boolean}} [wish] - `layers`: the picture in three sizes, q, h and f
 */
export async function publishWhip(page, url, key, { layers = false } = {}) {
  await page.evaluate(async ([endpoint, bearer, simulcast]) => {
    const peer = new RTCPeerConnection()
    const stream = new MediaStream([window.signal.picture(), window.signal.sound()])
    const h264 = RTCRtpSender.getCapabilities('video').codecs.filter((c) => c.mimeType === 'video/H264' || c.mimeType === 'video/rtx')
    const sizes = [{ rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 }, { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 400_000 }, { rid: 'f', maxBitrate: 1_200_000 }]
    for (const track of stream.getTracks()) {
      const picture = track.kind === 'video'
      const transceiver = peer.addTransceiver(track, { direction: 'sendonly', streams: [stream], ...(picture && simulcast && { sendEncodings: sizes }) })
      if (picture) transceiver.setCodecPreferences(h264)
    }
    const candidates = []
    peer.onicecandidate = ({ candidate }) => candidates.push(candidate)
    await peer.setLocalDescription()
    const response = await fetch(endpoint, {
      method: 'POST', headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${bearer}` }, body: peer.localDescription.sdp,
    })
    if (response.status !== 201) throw new Error(`WHIP: ${response.status} ${await response.text()}`)
    await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() })
    const address = new URL(response.headers.get('Location'), response.url).href

    /** Sends an SDP fragment (RFC 9725, section 4.3; RFC 8840). */
    const patch = (lines, tag) =>
      fetch(address, { method: 'PATCH', headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': tag }, body: lines.map((line) => `${line}\r\n`).join('') })
    const line = (sdp, name) => sdp.split('\r\n').find((one) => one.startsWith(name))
    const credentials = (sdp) => [line(sdp, 'a=ice-ufrag:'), line(sdp, 'a=ice-pwd:')]
    window.whip = {
      peer, address,
      tag: response.headers.get('ETag'),
      /** Tells the server of our candidates, as they were found. It gives the answer's status. */
      trickle: async () => {
        while (candidates.at(-1) !== null) await new Promise((resolve) => setTimeout(resolve, 50))
        const found = candidates.filter(Boolean).map(({ candidate }) => `a=${candidate}`)
        return (await patch([...credentials(peer.localDescription.sdp), 'm=audio 9 UDP/TLS/RTP/SAVPF 0', 'a=mid:0', ...found, 'a=end-of-candidates'], window.whip.tag)).status
      },
      /** Restarts ICE. */
      restart: async () => {
        await peer.setLocalDescription(await peer.createOffer({ iceRestart: true }))
        const answered = await patch([...credentials(peer.localDescription.sdp), 'm=audio 9 UDP/TLS/RTP/SAVPF 0', 'a=mid:0'], '*')
        if (answered.status !== 200) throw new Error(`ICE restart: ${answered.status} ${await answered.text()}`)
        window.whip.tag = answered.headers.get('ETag')
        const fragment = await answered.text()
        const [ufrag, password] = credentials(fragment)
        const theirs = fragment.split('\r\n').filter((one) => one.startsWith('a=candidate:'))
        const sdp = peer.remoteDescription.sdp.split('\r\n').filter((one) => !/^a=(candidate:|end-of-candidates)/.test(one))
          .flatMap((one) => (one.startsWith('a=ice-ufrag:') ? [ufrag] : one.startsWith('a=ice-pwd:') ? [password] : one.startsWith('a=mid:') ? [one, ...theirs] : [one]))
        await peer.setRemoteDescription({ type: 'answer', sdp: sdp.join('\r\n') })
        return { ufrag, sent: credentials(peer.localDescription.sdp)[0] }
      },
    }
  }, [url, key, layers])
  return {
    /** Ends the session, and gives the status with which the server answers. */
    stop: () => page.evaluate(async () => {
      const { status } = await fetch(window.whip.address, { method: 'DELETE' })
      window.whip.peer.close()
      return status
    }),
  }
}
