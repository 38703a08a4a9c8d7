// Encoders that publish into a room: ffmpeg over RTMP, and a browser over WHIP.
import { spawn } from 'node:child_process'

/** Publishes a colour that is no participant's, with a tone, over RTMP, until `stop`. */
export function publishRtmp(url, { colour, tone, bframes = 0 }) {
  const hex = colour.map((value) => value.toString(16).padStart(2, '0')).join('')
  const child = spawn('ffmpeg', [
    '-hide_banner', '-loglevel', 'error', '-re',
    '-f', 'lavfi', '-i', `color=c=0x${hex}:s=640x360:r=30,drawbox=x=mod(t*100\\,600):y=20:w=30:h=40:c=white:t=fill`,
    '-f', 'lavfi', '-i', `sine=frequency=${tone}:sample_rate=48000`,
    '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-profile:v', 'main', '-g', '60', '-bf', String(bframes),
    ...(bframes === 0 ? ['-tune', 'zerolatency'] : []), '-b:v', '800k',
    '-c:a', 'aac', '-b:a', '128k', '-ac', '2', '-f', 'flv', url,
  ], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk) => (said += chunk))
  return {
    said: () => said,
    async stop() {
      if (child.exitCode !== null) return
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGINT')
      const timer = setTimeout(() => child.kill('SIGKILL'), 3000)
      await gone
      clearTimeout(timer)
    },
  }
}

/** Publishes the made-up signal of a page over WHIP (RFC 9725), until `stop`. */
export async function publishWhip(page, url, key) {
  const session = await page.evaluate(async ([endpoint, bearer]) => {
    const peer = new RTCPeerConnection()
    const stream = new MediaStream([window.signal.picture(), window.signal.sound()])
    const h264 = RTCRtpSender.getCapabilities('video').codecs.filter((c) => c.mimeType === 'video/H264' || c.mimeType === 'video/rtx')
    for (const track of stream.getTracks()) {
      const transceiver = peer.addTransceiver(track, { direction: 'sendonly', streams: [stream] })
      if (track.kind === 'video') transceiver.setCodecPreferences(h264)
    }
    await peer.setLocalDescription()
    const response = await fetch(endpoint, {
      method: 'POST', headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${bearer}` }, body: peer.localDescription.sdp,
    })
    if (response.status !== 201) throw new Error(`WHIP: ${response.status} ${await response.text()}`)
    await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() })
    window.whip = peer
    return new URL(response.headers.get('Location'), response.url).href
  }, [url, key])
  return {
    async stop() {
      await page.evaluate(async (address) => {
        window.whip.close()
        await fetch(address, { method: 'DELETE' })
      }, session)
    },
  }
}
