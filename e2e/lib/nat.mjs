// A NAT between a browser and a server, in the path because the browser is told of its address instead of the server's.
import { createSocket } from 'node:dgram'

const bind = (address) =>
  new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.bind(0, address, () => resolve(socket))
  })

/** @param {string} address - where the browser and the server are @param {number} server - the server's UDP port */
export async function openNat(address, server) {
  const inside = await bind(address)
  let outside
  let client
  let open = true
  let deaf = false
  const sent = { up: 0, down: 0 } // datagrams that are no checks

  const isCheck = (datagram) => datagram[0] < 4
  async function rebind() {
    const next = await bind(address)
    next.on('message', (datagram) => {
      if (!open || deaf || !client) return
      if (!isCheck(datagram)) sent.down++
      inside.send(datagram, client.port, client.address)
    })
    outside?.close()
    outside = next
  }
  inside.on('message', (datagram, from) => {
    client = from
    if (!open) return
    if (!isCheck(datagram)) sent.up++
    outside.send(datagram, server, address)
  })
  await rebind()
  return {
    port: inside.address().port,
    sent,
    /** Gives the client another port towards the server, as NATs do that have forgotten it. */
    rebind,
    /** Lets nothing through any more. */
    shut: () => (open = false),
    /** Lets nothing through to the client any more, while the server hears it; or all of it again. */
    deafen: (is = true) => (deaf = is),
    close: () => [inside, outside].forEach((socket) => socket.close()),
  }
}
