// The desk's worker: reads, keeps and hashes files off the page's thread.
import { DeskError, LocalDesk, type Desk, type Storage } from './desk'
import { openDirectory } from './directory'
import { DirectoryStorage, MemoryStorage } from './storage'
import type { Answer, Call, Start } from './workerdesk'

let desk: Promise<Desk> | undefined

async function open(start: Start): Promise<Desk> {
  let storage: Storage = new MemoryStorage()
  if (start.directory !== undefined) {
    try {
      storage = new DirectoryStorage(await openDirectory(start.directory))
    } catch {
      // A private window may have no file system; then memory has to do.
    }
  }
  return new LocalDesk(storage)
}

async function answer({ call, method, args }: Call) {
  try {
    const work = (await desk!)[method] as (...args: unknown[]) => unknown
    const result = await work.apply(await desk!, args)
    const handOver = result instanceof Uint8Array ? [result.buffer] : []
    postMessage({ call, result } satisfies Answer, { transfer: handOver })
  } catch (error) {
    const { reason, room } = error instanceof DeskError ? error : new DeskError('storage')
    postMessage({ call, failed: { reason, room } } satisfies Answer)
  }
}

onmessage = ({ data }: MessageEvent<Start | Call>) => {
  if ('call' in data) void answer(data)
  else desk = open(data)
}
