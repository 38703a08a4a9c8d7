// Each page has a directory of its own in the browser's file system for this origin, and a lock on its name for as long as it
// lives. So a page that starts can tell what others have left behind, and removes it.
const root = 'tutti-files'
const lockOf = (page: string) => `${root}/${page}`
const pageKey = 'tutti.files.page'
const begunKey = 'tutti.files.begun'

/** The name of this page's directory: the same after a reload. Undefined where there is no file system for the page. */
export function ownDirectory(): Promise<string | undefined> {
  return (own ??= claim().catch(() => undefined))
}

let own: Promise<string | undefined> | undefined

/** Files whose beginning is worth keeping over a reload of the page. */
export function begunFiles(): string[] {
  try {
    return sessionStorage.getItem(begunKey)?.split(' ').filter(Boolean) ?? []
  } catch {
    return []
  }
}

/** Notes that a file has begun to come in, or that it has ended. */
export function noteBegun(id: string, begun: boolean) {
  try {
    sessionStorage.setItem(begunKey, [...begunFiles().filter((other) => other !== id), ...(begun ? [id] : [])].join(' '))
  } catch {
    // Without a memory for the tab the file starts anew after a reload.
  }
}

/** Opens a page's directory, here or in a worker. */
export async function openDirectory(page: string): Promise<FileSystemDirectoryHandle> {
  const all = await (await navigator.storage.getDirectory()).getDirectoryHandle(root, { create: true })
  return all.getDirectoryHandle(page, { create: true })
}

async function claim(): Promise<string | undefined> {
  if (!navigator.storage?.getDirectory || !navigator.locks) return undefined
  await navigator.storage.getDirectory()
  const before = sessionStorage.getItem(pageKey)
  // A duplicated tab has the other's name with it, but not its lock.
  const name = before && (await lock(before)) ? before : crypto.randomUUID()
  if (name !== before) {
    await lock(name)
    sessionStorage.setItem(pageKey, name)
  }
  await sweep(name)
  return name
}

/** Takes the lock on a name for as long as the page lives; false when another page has it. */
function lock(page: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(lockOf(page), { ifAvailable: true }, (held) => {
        resolve(held !== null)
        return held ? new Promise(() => {}) : undefined
      })
      .catch(reject)
  })
}

/** Removes what pages that are gone have left, and what this one has left before a reload, but for files half come in. */
async function sweep(own: string) {
  let all: FileSystemDirectoryHandle
  try {
    all = await (await navigator.storage.getDirectory()).getDirectoryHandle(root)
  } catch {
    return
  }
  const held = new Set((await navigator.locks.query()).held?.map(({ name }) => name))
  for await (const page of all.keys()) {
    // A page that is just starting takes its lock first and makes its directory then.
    if (page !== own && !held.has(lockOf(page))) await all.removeEntry(page, { recursive: true }).catch(() => {})
  }
  const begun = begunFiles()
  const mine = await all.getDirectoryHandle(own).catch(() => undefined)
  for await (const file of mine?.keys() ?? []) {
    if (!begun.includes(file)) await mine!.removeEntry(file).catch(() => {})
  }
}
