// A server of its own for a test: free loopback ports, a data directory that goes away with it.
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { patience } from './patience.mjs'
import { tellOfServer } from './tell.mjs'

const binary = process.env.TUTTI ?? join(dirname(fileURLToPath(import.meta.url)), '../../bin/tutti')

/**
 * A loopback port that is free for UDP and TCP. It lies below those that systems give to whoever asks for any, so nobody takes it by
 * chance before the server does, or while the server restarts.
 */
export async function freePort() {
  const taken = (open) => new Promise((resolve) => open(resolve).once('error', () => resolve(true)))
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const tcp = await taken((resolve) => {
      const server = createServer()
      return server.listen(port, '127.0.0.1', () => server.close(() => resolve(false)))
    })
    const udp = await taken((resolve) => {
      const socket = createSocket('udp4')
      return socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(false)))
    })
    if (!tcp && !udp) return port
  }
}

/**
 * Starts a server and waits until it answers. `restart` ends it and starts it again on the same ports. `rtcTcp` gives it a
 * TCP port for WebRTC, `turn` STUN and TURN without and with TLS, `secure` HTTPS with a certificate of its own. `rtcAddress` is where WebRTC's UDP
 * port is, `address` where HTTP is.
 */
export async function startTutti(args = ['--dev'], { rtcTcp = false, turn = false, secure = false, rtcAddress = '127.0.0.1', address = '127.0.0.1' } = {}) {
  const data = mkdtempSync(join(tmpdir(), 'tutti-e2e-data-'))
  const [http, rtmp, rtc] = [await freePort(), await freePort(), await freePort()]
  const tcp = rtcTcp ? `127.0.0.1:${await freePort()}` : 'off'
  const ports = turn ? { plain: await freePort(), tls: await freePort() } : {}
  const https = secure ? `127.0.0.1:${await freePort()}` : 'off'
  const at = (port) => (port ? `127.0.0.1:${port}` : 'off')
  const url = `http://${address}:${http}`
  let log = ''
  let child

  async function start() {
    child = spawn(binary, [
      'serve', ...args, '--data', data, '--http', `${address}:${http}`, '--https', https,
      '--rtc', `${rtcAddress}:${rtc}`, '--rtc-tcp', tcp, '--turn', at(ports.plain), '--turns', at(ports.tls), '--rtmp', `127.0.0.1:${rtmp}`, '--log-level', process.env.E2E_LOG ?? 'info',
    ], { stdio: ['ignore', 'pipe', 'pipe'] })
    const running = child
    // Nothing is left behind when a test run is broken off.
    process.once('exit', () => running.kill('SIGKILL'))
    const ended = new Promise((_, reject) => {
      running.once('error', reject)
      running.once('exit', (code) => reject(new Error(`tutti ended with ${code}:\n${log}`)))
    })
    ended.catch(() => {})
    child.stdout.on('data', (chunk) => (log += chunk))
    child.stderr.on('data', (chunk) => (log += chunk))
    const answers = async () => {
      for (const end = Date.now() + patience; Date.now() < end; ) {
        try {
          if ((await fetch(`${url}/healthz`)).ok) return
        } catch {
          // It is still starting.
        }
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      throw new Error(`tutti does not answer:\n${log}`)
    }
    await Promise.race([answers(), ended])
  }

  async function stop() {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), patience)
    await gone
    clearTimeout(timer)
  }

  const forget = tellOfServer({ url, log: () => log })
  await start()
  return {
    url,
    /** Where HTTPS is. */
    secureUrl: `https://${https}`,
    rtmp: `rtmp://127.0.0.1:${rtmp}/live`,
    turn: ports,
    /** The UDP port for WebRTC. */
    rtc,
    log: () => log,
    /** The API key and its secret. */
    keys() {
      const file = join(data, 'keys.yaml')
      if (!existsSync(file)) return { key: 'devkey', secret: 'secret' }
      return Object.fromEntries(readFileSync(file, 'utf8').split('\n').filter((line) => /^\w+: /.test(line)).map((line) => line.split(': ')))
    },
    stop,
    /** Ends the server without a word, as a crash does; `start` starts it again on the same ports. */
    kill: async () => {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await gone
    },
    start,
    restart: async () => {
      await stop()
      await start()
    },
    async close() {
      await stop()
      forget()
      rmSync(data, { recursive: true, force: true })
      if (process.env.E2E_SHOW_LOG) console.log(log)
    },
    /** Opens a room over the API. */
    async createRoom(room = {}) {
      const response = await fetch(`${url}/api/rooms`, {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(room),
      })
      if (!response.ok) throw new Error(`creating a room: ${response.status} ${await response.text()}`)
      return response.json()
    },
    async live(room) {
      const response = await fetch(`${url}/api/rooms/${room}/live`)
      return response.ok ? response.json() : undefined
    },
  }
}
