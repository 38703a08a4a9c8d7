// A narrow way between a browser and a server's UDP port, for tests where there is no other network: it has a rate, a queue, a delay
// and loss in the direction of the browser, or of the server, and a delay alone in the other.
import { createSocket } from 'node:dgram'

/**
 * Opens a link to a UDP port of this machine.
 * @param {number} port
 * @param {{rate?: number, queue?: number, delay?: number, loss?: number}} [first] - bit/s (0 is no limit), longest wait in ms, ms, 0 to 1
 * @param {'browser' | 'server'} [narrow] - the direction that all that holds for
 * @param {string} [host] - where the port is
 */
export async function openLink(port, first = {}, narrow = 'browser', host = '127.0.0.1') {
  let is = { rate: 0, queue: 300, delay: 0, loss: 0, ...first }
  const near = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
  const clients = new Map() // far sockets by the browser's address
  const waiting = [] // in order of when they arrive
  let free = 0
  let seed = 1
  const counts = { passed: 0, dropped: 0, lost: 0, bytes: 0 } // bytes are of what passed

  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647
  const later = (ms, act) => (ms > 0 ? setTimeout(act, ms) : act())

  function through(datagram, deliver) {
    const now = performance.now()
    if (random() < is.loss) return void counts.lost++
    free = Math.max(free, now)
    if (is.rate > 0) {
      if (free - now > is.queue) return void counts.dropped++
      free += (datagram.length * 8000) / is.rate
    }
    counts.passed++
    counts.bytes += datagram.length
    waiting.push({ at: free + is.delay, deliver })
  }

  // One timer for all that waits: those of single packets would not keep their order.
  const pump = setInterval(() => {
    const now = performance.now()
    while (waiting.length > 0 && waiting[0].at <= now) waiting.shift().deliver()
  }, 1)

  const send = (towards, datagram, deliver) => (towards === narrow ? through(datagram, deliver) : later(is.delay, deliver))

  near.on('message', (datagram, from) => {
    const key = `${from.address}:${from.port}`
    let far = clients.get(key)
    if (!far) {
      far = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
      far.on('message', (answer) => send('browser', answer, () => near.send(answer, from.port, from.address, () => {})))
      clients.set(key, far)
    }
    send('server', datagram, () => far.send(datagram, port, host, () => {}))
  })
  await new Promise((resolve) => near.bind(0, '127.0.0.1', resolve))
  return {
    port: near.address().port,
    counts,
    /** How long a datagram that comes now waits, in ms. */
    waiting: () => Math.max(0, free - performance.now()),
    change: (now) => (is = { ...is, ...now }),
    close() {
      clearInterval(pump)
      near.close()
      for (const far of clients.values()) far.close()
    },
  }
}

/** In the page: connections find the server at another port than it says. */
export function atPort({ from, to }) {
  const moved = (sdp) => sdp?.replace(new RegExp(`^(a=candidate:.* )${from}( typ host)`, 'gm'), `$1${to}$2`)
  window.RTCPeerConnection = class extends RTCPeerConnection {
    setRemoteDescription({ type, sdp }) {
      return super.setRemoteDescription({ type, sdp: moved(sdp) })
    }
    addIceCandidate(candidate) {
      return super.addIceCandidate(candidate?.candidate ? { ...candidate, candidate: moved(`a=${candidate.candidate}`).slice(2) } : candidate)
    }
  }
}
