// Fails the build when somebody who only watches would load more than 150 KB of gzipped script before a player.
import { readFileSync, rmSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const limit = 150 * 1024
const manifest = JSON.parse(readFileSync('dist/.vite/manifest.json', 'utf8'))

function scripts(entry, seen = new Set()) {
  if (seen.has(entry)) return seen
  seen.add(entry)
  for (const next of manifest[entry].imports ?? []) scripts(next, seen)
  return seen
}

for (const screen of ['home/Home', 'watch/Watch', 'room/Room', 'console/Console']) {
  const keys = new Set([...scripts('index.html'), ...scripts(`src/${screen}.svelte`)])
  let size = 0
  for (const key of keys) size += gzipSync(readFileSync(`dist/${manifest[key].file}`)).length
  console.log(`${screen}: ${(size / 1024).toFixed(1)} KB of script, gzipped`)
  if (size > limit) {
    console.error(`${screen} loads more than ${limit / 1024} KB of script`)
    process.exitCode = 1
  }
}
for (const [key, { file, isEntry }] of Object.entries(manifest)) {
  if (/states/.test(key) && !isEntry) {
    console.error(`${file} belongs to the test build and must not be in this one`)
    process.exitCode = 1
  }
}
// The manifest was for this check; the server has no use for it.
rmSync('dist/.vite', { recursive: true })
