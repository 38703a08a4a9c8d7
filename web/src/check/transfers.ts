import { askDoor } from './door'
import { median } from './echoes'
import { pause } from './wait'

/** Seconds to the server and back over HTTP, on a connection that is already open. */
export async function httpRoundTrip(signal: AbortSignal): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < 6; i++) {
    const began = performance.now()
    await (await askDoor('/probe/down?bytes=1', {}, signal)).arrayBuffer()
    // The first opens the connection.
    if (i > 0) times.push((performance.now() - began) / 1000)
  }
  return median(times)!
}

/** Seconds for a message over a WebSocket and back; undefined when none comes about. */
export function socketRoundTrip(signal: AbortSignal): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const count = 8
    const times: number[] = []
    let sent = 0
    const socket = new WebSocket(new URL('/probe/ws', location.href.replace(/^http/, 'ws')))
    const end = (settle: () => void) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', cancelled)
      socket.onclose = socket.onmessage = null
      socket.close()
      settle()
    }
    const cancelled = () => end(() => reject(signal.reason))
    const timer = setTimeout(() => end(() => resolve(median(times))), 8000)
    signal.addEventListener('abort', cancelled, { once: true })
    const next = () => {
      sent = performance.now()
      socket.send(String(sent))
    }
    socket.onopen = next
    socket.onmessage = ({ data }) => {
      if (data !== String(sent)) return
      times.push((performance.now() - sent) / 1000)
      if (times.length === count) end(() => resolve(median(times)))
      else void pause(60, signal).then(next, () => {})
    }
    socket.onclose = () => end(() => resolve(undefined))
  })
}

// A transfer shorter than this says little, since most of it is starting up.
const enough = 0.8
const patience = 15_000
const sizes = [128 << 10, 512 << 10, 2 << 20, 8 << 20]

/** Larger and larger transfers until one takes long enough; bit/s of the last. `once` moves bytes and gives seconds. */
async function rate(once: (size: number) => Promise<number>): Promise<number> {
  let bitrate = 0
  for (const size of sizes) {
    const seconds = Math.max(await once(size), 0.0005)
    bitrate = (size * 8) / seconds
    if (seconds >= enough) break
  }
  return bitrate
}

/** bit/s from the server to here. What arrives too slowly to finish counts as far as it came. */
export function download(signal: AbortSignal): Promise<number> {
  return rate(async (size) => {
    const response = await askDoor(`/probe/down?bytes=${size}`, {}, signal)
    const reader = response.body!.getReader()
    const began = performance.now()
    for (let got = 0; ; ) {
      const { done, value } = await reader.read()
      got += value?.length ?? 0
      const seconds = (performance.now() - began) / 1000
      if (done) return seconds
      if (seconds * 1000 > patience) {
        void reader.cancel()
        return (seconds * size) / Math.max(got, 1)
      }
    }
  })
}

/** bit/s from here to the server, by the server's clock. What goes too slowly to finish counts as if it had just finished: it is no faster than that. */
export function upload(signal: AbortSignal): Promise<number> {
  return rate(async (size) => {
    const body = new Uint8Array(size)
    // Nothing on the way can compress it (getRandomValues fills at most 64 KiB at once).
    for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(body.subarray(at, Math.min(size, at + 65_536)))
    const late = AbortSignal.timeout(patience)
    try {
      const response = await askDoor('/probe/up', { method: 'POST', body }, AbortSignal.any([signal, late]))
      const { milliseconds } = (await response.json()) as { milliseconds?: unknown }
      return typeof milliseconds === 'number' ? milliseconds / 1000 : 0
    } catch (error) {
      if (late.aborted && !signal.aborted) return patience / 1000
      throw error
    }
  })
}
