// The page's test build, in which every state of every screen has an address.
import { execFileSync } from 'node:child_process'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))

/** Builds it and gives its directory. With $STATES_DIST it is there already: `npm test` builds it once for all files. */
export function buildStates() {
  if (process.env.STATES_DIST) return resolve(process.env.STATES_DIST)
  execFileSync('npm', ['run', '--silent', 'build:states'], { cwd: join(here, '../../web'), stdio: ['ignore', 'ignore', 'inherit'] })
  return join(here, '../out/states')
}
