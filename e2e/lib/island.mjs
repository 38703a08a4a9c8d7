// A network of a test's own. Firefox offers the addresses of real interfaces with a default route only, never loopback, so it cannot
// reach a server that listens there. On the island is one interface that leads nowhere; servers listen on its address, unreachable from elsewhere.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

/** The island's address. */
export const address = '10.77.0.1'

const settle = [
  'set -e', 'ip link set lo up', 'ip link add island type veth peer name shore', `ip addr add ${address}/24 dev island`,
  'ip link set island up', 'ip link set shore up', 'ip route add default via 10.77.0.2', 'exec "$@"',
].join('\n')
/** With namespaces of users, then as root without them. */
const ways = ['-rn', '-n']
const landed = 'E2E_ISLAND'

const across = (way, ...command) => [way, 'sh', '-c', settle, 'island', ...command]

/**
 * Runs the calling test file once more on an island, in place of itself: nothing after this is reached but there. Gives back why
 * the tests must be skipped where there can be no island, false on it.
 * @param {string} file - its path
 */
export async function goToIsland(file) {
  if (process.env[landed]) return false
  const reasons = []
  for (const way of ways) {
    const trial = spawnSync('unshare', across(way, 'true'), { encoding: 'utf8' })
    if (trial.status !== 0) {
      reasons.push(trial.error?.message ?? trial.stderr.trim())
      continue
    }
    const child = spawn('unshare', across(way, process.execPath, ...process.execArgv, file), { stdio: 'inherit', env: { ...process.env, [landed]: '1' } })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
    const [status] = await once(child, 'exit')
    process.exit(status ?? 1)
  }
  return `no network namespace of its own can be made here: ${reasons.join('; ')}`
}
