import { describe, expect, it } from 'vitest'
import { MemoryKeep, memoryLimit, NoRoom } from './keep'

const bytes = (...list: number[]) => new Uint8Array(list)

describe('a recording in memory', () => {
  it('is what was written, with its patches', async () => {
    const keep = new MemoryKeep('x.webm', 'video/webm')
    await keep.write(bytes(1, 2, 3))
    await keep.write(bytes(4, 5, 6, 7))
    const file = keep.file([{ position: 5, data: bytes(60) }, { position: 1, data: bytes(20, 30) }])
    expect(file.type).toBe('video/webm')
    expect([...new Uint8Array(await file.arrayBuffer())]).toEqual([1, 20, 30, 4, 5, 60, 7])
  })

  it('says how much room is left, and that there is none', async () => {
    const keep = new MemoryKeep('x.webm', 'video/webm')
    await keep.write(bytes(1, 2, 3))
    expect(await keep.left()).toBe(memoryLimit - 3)
    await expect(keep.write({ length: memoryLimit } as Uint8Array<ArrayBuffer>)).rejects.toBeInstanceOf(NoRoom)
  })
})
