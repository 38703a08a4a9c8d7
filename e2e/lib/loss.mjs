// A way to a server's UDP port on which media get lost.
import { createSocket } from 'node:dgram'

const isMedia = (packet) => packet.length > 12 && packet[0] >> 6 === 2 && (packet[1] < 192 || packet[1] > 223) // RFC 7983, RFC 5761

/** Relays between a port of its own and one of a server, and loses of the media each way what `up` and `down` say (0 to 1), and everything while `cut`. */
export async function lossyWay(server, { up = 0, down = 0 } = {}) {
  const outside = createSocket('udp4')
  const inside = new Map() // a socket to the server for each client
  const way = { up, down, cut: false, lost: 0 }
  // The same packets are lost in each run.
  let state = 1
  const unlucky = (share) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32 < share
  }
  const loses = (packet, share) => way.cut || (isMedia(packet) && unlucky(share) && ++way.lost > 0)
  outside.on('message', (packet, from) => {
    const key = `${from.address}:${from.port}`
    let socket = inside.get(key)
    if (!socket) {
      socket = createSocket('udp4')
      socket.on('message', (answer) => loses(answer, way.down) || outside.send(answer, from.port, from.address))
      inside.set(key, socket)
    }
    if (!loses(packet, way.up)) socket.send(packet, server, '127.0.0.1')
  })
  await new Promise((resolve) => outside.bind(0, '127.0.0.1', resolve))
  way.port = outside.address().port
  way.close = () => [outside, ...inside.values()].forEach((socket) => socket.close())
  return way
}

/** Makes a page's connections take another port of the server. Give it to `page.addInitScript`. */
export function takePort({ server, instead }) {
  window.RTCPeerConnection = class extends RTCPeerConnection {
    setRemoteDescription({ type, sdp }) {
      return super.setRemoteDescription({ type, sdp: sdp.replaceAll(` ${server} typ host`, ` ${instead} typ host`) })
    }
  }
}
