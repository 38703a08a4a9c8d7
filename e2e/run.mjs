// Runs the tests of a directory, each file in a process of its own: node run.mjs DIRECTORY [HOW MANY AT A TIME]. What a file has to say is printed when it has
// ended.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { basename } from 'node:path'

/** Files that keep a machine of two cores busy by themselves, the longest first: nothing else runs beside them. */
const alone = ['show', 'pk', 'room', 'team', 'compose']
/** The longest of the others, which begin first. */
const long = ['sdk-browser', 'sdk-node', 'pages', 'call-paths', 'appearance', 'players', 'files-call', 'encoders', 'sdk-paths', 'codecs', 'recovery', 'check', 'firefox', 'files', 'replay', 'conference', 'match', 'turn']

const [directory, atATime = 1] = process.argv.slice(2)
const nameOf = (file) => basename(file, '.test.mjs')
const isAlone = (file) => alone.includes(nameOf(file))
const order = [...alone, ...long]
const place = (file) => order.indexOf(nameOf(file)) + 1 || order.length + 1 // what is in no list comes last
const waiting = readdirSync(directory).filter((name) => name.endsWith('.test.mjs')).map((name) => `${directory}/${name}`)
waiting.sort((a, b) => place(a) - place(b))
const running = new Map()
const failed = new Map()
const children = new Set() // processes that run

// Who is told to end leaves nothing behind.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    for (const pid of children) process.kill(-pid, 'SIGKILL')
    process.exit(1)
  })
}

/** The next of those that wait, if it may run beside those that run. */
function next() {
  const [first] = waiting
  const most = first && isAlone(first) ? 1 : atATime
  return running.size < most && ![...running.keys()].some(isAlone) ? waiting.shift() : undefined
}

async function test(file) {
  const began = Date.now()
  // In a group of its own, with the servers and browsers that it starts.
  const child = spawn(process.execPath, ['--test-reporter=spec', file], { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  children.add(child.pid)
  let said = ''
  for (const from of [child.stdout, child.stderr]) from.setEncoding('utf8').on('data', (text) => (said += text))
  const status = await new Promise((resolve) => child.once('close', resolve))
  children.delete(child.pid)
  running.delete(file)
  if (status !== 0) failed.set(file, said)
  console.log(`${said}${status === 0 ? 'ok' : 'FAILED'} ${file} in ${Math.round((Date.now() - began) / 1000)} s\n`)
}

while (waiting.length > 0 || running.size > 0) {
  for (let file = next(); file; file = next()) running.set(file, test(file))
  await Promise.race(running.values())
}
if (failed.size > 0) {
  // Once more at the end, where it is looked for: what failed, without what there was to see.
  for (const said of failed.values()) console.log(said.slice(Math.max(0, said.lastIndexOf('✖ failing tests:'))))
  console.log(`failed: ${[...failed.keys()].join(', ')}`)
  process.exitCode = 1
}
