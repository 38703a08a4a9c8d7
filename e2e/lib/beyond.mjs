// Another network beyond the one that a test runs in: a network namespace that can be reached over a single way, which is limited, delays and loses.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** Where this side is, as the other side sees it, and where that is. */
export const here = '10.78.0.1'
const there = '10.78.0.2'

const must = (command, ...args) => {
  const done = spawnSync(command, args, { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${done.error?.message ?? done.stderr}`)
}

/**
 * Makes the network and the way to it. Run it on an island. `change` says what the way is like from now on (lib/tun/main.go: to the other side `there`, from
 * it `back`) and gives back what passed and what did not; `across` is the path of a program that runs another one on the other side.
 */
export async function openBeyond(ways) {
  const directory = mkdtempSync(join(tmpdir(), 'tutti-e2e-beyond-'))
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const binary = join(directory, 'tun')
  const built = spawnSync('go', ['build', '-o', binary, './e2e/lib/tun'], { cwd: root, encoding: 'utf8' })
  if (built.status !== 0) throw new Error(`building the way: ${built.error?.message ?? built.stderr}`)
  const holder = spawn('unshare', ['-n', 'sleep', 'infinity'], { stdio: 'ignore' }) // unshare becomes sleep
  const way = spawn(binary, ['tun-here', 'tun-there'], { stdio: ['pipe', 'pipe', 'inherit'] })
  process.once('exit', () => [holder, way].forEach((child) => child.kill('SIGKILL')))
  const answers = createInterface({ input: way.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await answers.next()
    if (done) throw new Error('the way has ended')
    return value
  }
  await next() // ready
  const beyond = ['-t', String(holder.pid), '-n']
  must('ip', 'addr', 'add', `${here}/24`, 'dev', 'tun-here')
  must('ip', 'link', 'set', 'tun-here', 'up')
  must('ip', 'link', 'set', 'tun-there', 'netns', String(holder.pid))
  must('nsenter', ...beyond, 'ip', 'link', 'set', 'lo', 'up')
  must('nsenter', ...beyond, 'ip', 'addr', 'add', `${there}/24`, 'dev', 'tun-there')
  must('nsenter', ...beyond, 'ip', 'link', 'set', 'tun-there', 'up')
  must('nsenter', ...beyond, 'ip', 'route', 'add', 'default', 'via', here)
  const change = async (to) => {
    way.stdin.write(`${JSON.stringify((ways = to))}\n`)
    return JSON.parse(await next())
  }
  await change(ways)
  const across = (program) => {
    const path = join(directory, 'across')
    writeFileSync(path, `#!/bin/sh\nexec nsenter ${beyond.join(' ')} ${program} "$@"\n`, { mode: 0o755 })
    return path
  }
  return {
    change,
    across,
    counts: () => change(ways),
    async close() {
      for (const child of [way, holder]) {
        child.kill('SIGKILL')
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      }
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
