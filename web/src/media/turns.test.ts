import { describe, expect, it } from 'vitest'
import { Turns } from './turns.svelte'

describe('turns', () => {
  it('come one after the other on the same thing, and at once on another', async () => {
    const turns = new Turns('camera', 'microphone')
    const done: string[] = []
    let finish = () => {}
    const first = turns.take('camera', () => new Promise<void>((resolve) => (finish = resolve)).then(() => void done.push('first')))
    const second = turns.take('camera', async () => void done.push('second'))
    await turns.take('microphone', async () => void done.push('microphone'))
    expect(done).toEqual(['microphone'])
    expect(turns.busy).toEqual({ camera: true, microphone: false })
    finish()
    await Promise.all([first, second])
    expect(done).toEqual(['microphone', 'first', 'second'])
    expect(turns.busy.camera).toBe(false)
  })

  it('go on after one that failed', async () => {
    const turns = new Turns('camera')
    await expect(turns.take('camera', () => Promise.reject(new Error('busy')))).rejects.toThrow('busy')
    let done = false
    await turns.take('camera', async () => void (done = true))
    expect(done).toBe(true)
  })
})
