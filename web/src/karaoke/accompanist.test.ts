import { beforeEach, expect, test, vi } from 'vitest'
import { Accompanist, type Outlet } from './accompanist.svelte'

class Node {
  gain = { setTargetAtTime() {} }
  delayTime = { value: 0 }
  stream = { getAudioTracks: () => [{}] }
  onended: (() => void) | undefined
  connect(to: Node) { return to }
  disconnect() {}
  start() {}
  stop() {}
}
class Context extends Node {
  currentTime = 0
  async resume() {}
  async close() {}
  async decodeAudioData() { return { duration: 180 } }
}

beforeEach(() => {
  vi.stubGlobal('AudioContext', Context)
  for (const name of ['GainNode', 'DelayNode', 'MediaStreamAudioDestinationNode', 'AudioBufferSourceNode']) vi.stubGlobal(name, Node)
})

/** Takes music when it is told to, and writes down what was asked. */
function outlet() {
  const asked: string[] = []
  let take = () => {}
  const taken = new Promise<void>((resolve) => (take = resolve))
  const it: Outlet = {
    async playMusic() {
      asked.push('play')
      await taken
    },
    async endMusic() { asked.push('end') },
  }
  return { it, asked, take }
}

const file = new File(['sound'], 'song.mp3')

test('plays nothing where nothing is loaded', async () => {
  const { it, asked } = outlet()
  expect(await new Accompanist(it).play(12)).toBe(false)
  expect(asked).toEqual([])
})

test('sends no more music once the song is over', async () => {
  const { it, asked, take } = outlet()
  take()
  const accompanist = new Accompanist(it)
  await accompanist.load('a', file)
  asked.length = 0
  expect(await accompanist.play(12)).toBe(true)
  expect(accompanist.playing).toBe(true)
  accompanist.stop()
  expect(asked).toEqual(['play', 'end'])
  expect([accompanist.playing, accompanist.loaded]).toEqual([false, ''])
})

test.each(['pause', 'stop'] as const)('does not begin after a %s that came while the room took the music', async (what) => {
  const { it, take } = outlet()
  const accompanist = new Accompanist(it)
  await accompanist.load('a', file)
  const plays = accompanist.play(12)
  accompanist[what]()
  take()
  expect(await plays).toBe(false)
  expect(accompanist.playing).toBe(false)
})

test('loads nothing after it was closed', async () => {
  const { it } = outlet()
  const accompanist = new Accompanist(it)
  const loads = accompanist.load('a', file)
  await accompanist.close()
  await loads
  expect(accompanist.loaded).toBe('')
})
