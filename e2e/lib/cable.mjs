// A cable between a browser and a server, for TCP, that a test pulls out and plugs in again.
import { connect, createServer } from 'node:net'

/**
 * Gives the address that goes through the cable. Pulled, it says nothing: what is sent goes nowhere, and who connects waits. Plugged in again,
 * connections of before are dead, as after a change of network.
 */
export async function layCable(to) {
  const { hostname, port } = new URL(to)
  const ends = new Set()
  let pulled = false
  const server = createServer((near) => {
    const keep = (end) => {
      ends.add(end)
      end.on('error', () => {})
      end.on('close', () => ends.delete(end))
    }
    keep(near)
    if (pulled) return
    const far = connect(Number(port), hostname)
    keep(far)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    near.pipe(far).pipe(near)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const drop = () => {
    for (const end of ends) end.destroy()
  }
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    pull() {
      pulled = true
      for (const end of ends) end.unpipe().pause()
    },
    plug() {
      pulled = false
      drop()
    },
    async close() {
      drop()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
