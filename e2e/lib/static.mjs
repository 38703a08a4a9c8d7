// Serves a directory on a free loopback port, index.html for every path that is not a file, with the server's own policy.
import { createReadStream, existsSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'

const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }
const contentPolicy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self' ws: wss:; img-src 'self' data: blob:"

/** @param {{policy?: boolean, address?: string}} [wish] whether pages come with the server's policy, and where the port is */
export async function serveStatic(directory, { policy = true, address = '127.0.0.1' } = {}) {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, 'http://x').pathname))
    let file = join(directory, path)
    if (!file.startsWith(directory) || !existsSync(file) || !statSync(file).isFile()) file = join(directory, 'index.html')
    if (!existsSync(file)) return void response.writeHead(404).end()
    response.writeHead(200, {
      'Content-Type': types[extname(file)] ?? 'application/octet-stream',
      // What is named for its content is kept, as the server has it kept: pages that are opened again and again are read once.
      ...(/\/assets\//.test(file) && { 'Cache-Control': 'max-age=3600' }), ...(policy && { 'Content-Security-Policy': contentPolicy }),
    })
    createReadStream(file).pipe(response)
  })
  await new Promise((resolve) => server.listen(0, address, resolve))
  return { url: `http://${address}:${server.address().port}`, close: () => new Promise((resolve) => server.close(resolve)) }
}
