// Watching a picture in three layers over a way that changes: what the tests of bandwidth share.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/** What has come to a page until now. */
export const received = () =>
  (async () => {
    const found = { at: performance.now(), bytes: 0, frames: 0, freezes: 0, frozen: 0, width: 0, lost: 0, concealed: 0, samples: 0 }
    for (const transport of [room.engine.pcManager.publisher, room.engine.pcManager.subscriber]) {
      if (!transport?._pc) continue
      for (const r of (await transport._pc.getStats()).values()) {
        if (r.type !== 'inbound-rtp') continue
        found.bytes += r.bytesReceived + (r.headerBytesReceived ?? 0)
        found.lost += r.packetsLost
        if (r.kind === 'video') {
          found.frames += r.framesDecoded
          found.freezes += r.freezeCount
          found.frozen += r.totalFreezesDuration
          found.width = Math.max(found.width, r.frameWidth ?? 0)
        } else {
          found.concealed += r.concealedSamples
          found.samples += r.totalSamplesReceived
        }
      }
    }
    return found
  })()

/**
 * Makes a film for a camera that is as hard to code as what people show: the one that browsers make up is so easily coded that the layers would be of a few
 * hundred kbit/s.
 * @param {string} directory - where it is put
 */
export function shoot(directory) {
  const film = join(directory, 'film.mjpeg')
  const made = spawnSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=960x540:r=15,noise=alls=10:allf=t', '-t', '6', '-c:v', 'mjpeg', '-q:v', '4', '-pix_fmt', 'yuvj420p', film])
  assert.equal(made.status, 0, made.error?.message ?? made.stderr?.toString())
  return film
}

/** Publishes three VP8 layers up to 960x540 and 1.6 Mbit/s, and a microphone. Runs in a page. */
export const publish = () =>
  (async () => {
    await room.localParticipant.setCameraEnabled(true, { resolution: { width: 960, height: 540, frameRate: 15 } }, {
      simulcast: true, videoCodec: 'vp8', degradationPreference: 'maintain-resolution',
      videoEncoding: { maxBitrate: 1_600_000, maxFramerate: 15 },
      videoSimulcastLayers: [
        new LivekitClient.VideoPreset(240, 135, 120_000, 15), new LivekitClient.VideoPreset(480, 270, 400_000, 15),
      ],
    })
    await room.localParticipant.setMicrophoneEnabled(true)
  })()

/**
 * Lets some seconds pass and says what came to a page in them.
 * @param {() => number} dropped - what the way has dropped and lost until now
 */
export async function watch(viewer, what, seconds, dropped) {
  const [before, lost] = [await viewer.evaluate(received), await dropped()]
  await new Promise((resolve) => setTimeout(resolve, 1000 * seconds))
  const now = await viewer.evaluate(received)
  const passed = (now.at - before.at) / 1000
  const figures = {
    mbit: ((now.bytes - before.bytes) * 8) / passed / 1e6, fps: (now.frames - before.frames) / passed, width: now.width,
    freezes: now.freezes - before.freezes, frozen: now.frozen - before.frozen,
    concealed: (now.concealed - before.concealed) / Math.max(1, now.samples - before.samples),
    sound: (now.samples - before.samples) / 48_000 / passed, dropped: (await dropped()) - lost,
  }
  console.log(what, JSON.stringify(figures, (_, v) => (typeof v === 'number' ? Math.round(v * 100) / 100 : v)))
  return figures
}
