// Which ways a browser's connections may take. The functions that run in the page are given to `addInitScript`.
import { connect, createServer } from 'node:net'

/**
 * Makes every connection of a page one that knows of nothing but relays, at the addresses that match `wanted`. With `through`, relays over
 * TCP are asked for at that port of this machine.
 */
export function relaysOnly({ wanted, through = 0 }) {
  const matches = new RegExp(wanted)
  const narrow = (config = {}) => ({
    ...config,
    iceTransportPolicy: 'relay',
    iceServers: (config.iceServers ?? [])
      .map((server) => ({ ...server, urls: [server.urls].flat().filter((url) => matches.test(url)) }))
      .map((server) => ({ ...server, urls: server.urls.map((url) => (through ? url.replace(/:\d+\?/, `:${through}?`) : url)) }))
      .filter((server) => server.urls.length > 0),
  })
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(config) {
      super(narrow(config))
    }
    setConfiguration(config) {
      super.setConfiguration(narrow(config))
    }
  }
}

/** Lets a page connect to servers, which are ICE-lite (RFC 8445, section 2.5), but to no other browser: their addresses do not arrive. */
export function serversOnly() {
  const toServer = (peer) => peer.remoteDescription?.sdp.includes('a=ice-lite')
  window.RTCPeerConnection = class extends RTCPeerConnection {
    setRemoteDescription(description) {
      const { type, sdp } = description
      if (!sdp || sdp.includes('a=ice-lite')) return super.setRemoteDescription(description)
      return super.setRemoteDescription({ type, sdp: sdp.replace(/^a=candidate:.*\r?\n/gm, '') })
    }
    addIceCandidate(candidate) {
      return toServer(this) ? super.addIceCandidate(candidate) : Promise.resolve()
    }
  }
}

/** A TCP port of this machine that leads to another one, until it is cut. */
export async function cable(port) {
  const ends = new Set()
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const [end, other] of [[near, far], [far, near]]) {
      ends.add(end)
      end.setNoDelay(true)
      end.on('data', (bytes) => other.write(bytes))
      end.on('error', () => {})
      end.on('close', () => {
        ends.delete(end)
        other.destroy()
      })
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    const many = ends.size / 2
    for (const end of ends) end.destroy()
    return many
  }
  return {
    port: server.address().port,
    /** Breaks what goes through it; new connections may come. Gives how many there were. */
    cut,
    /** Swallows everything from now on without a word, as a network that is gone does. New connections may come. */
    silence() {
      const many = ends.size / 2
      for (const end of ends) {
        end.removeAllListeners('data')
        end.on('data', () => {})
      }
      return many
    },
    close() {
      cut()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}
