import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { StatusListener } from '../api/status'
import type { LiveStatus } from '../api/types'
import { Watching } from './watching.svelte'

const world = vi.hoisted(() => ({ tell: (_: unknown) => {}, made: 0, running: 0, arrived: 0, caughtUp: 0, behind: 0 }))

vi.mock('../api/status', () => ({
  followStatus: (_room: string, _credential: unknown, { status }: StatusListener) => {
    world.tell = (live) => status(live as LiveStatus)
    return () => {}
  },
}))
vi.mock('../api/client', async (original) => ({ ...(await original<object>()), api: { room: async () => ({ room: 'show', exists: true, live: { on: true } }) } }))
vi.mock('./flv', () => ({
  playFlv: () => {
    world.made++
    world.running++
    const history = () => ({ length: 60, behind: world.behind })
    return { progress: async () => world.arrived, delay: async () => undefined, history, catchUp: () => world.caughtUp++, stop: () => world.running-- }
  },
}))

/** What a browser may refuse before somebody taps. */
type Refuses = 'nothing' | 'sound' | 'all'

/** Plays when it is told, and tells of it as elements do: a moment later. */
class Video extends EventTarget {
  paused = true
  muted = false
  readyState = 4
  currentTime = 0
  videoWidth = 640
  refuses: Refuses = 'nothing'
  webkitDisplayingFullscreen = false
  async play() {
    if (this.refuses === 'all' || (this.refuses === 'sound' && !this.muted)) throw new DOMException('', 'NotAllowedError')
    if (this.paused) queueMicrotask(() => this.tell('play'))
    this.paused = false
    this.currentTime ||= 1
  }
  pause() {
    if (!this.paused) queueMicrotask(() => this.tell('pause'))
    this.paused = true
  }
  tell(event: string) {
    this.dispatchEvent(new Event(event))
  }
}

describe('a show that is watched', () => {
  let page: EventTarget & { visibilityState: string; pictureInPictureElement: unknown }
  let keys: Record<string, (() => void) | null>
  let video: Video
  let watching: Watching

  const live = { on: true, since: '2026-01-01T10:00:00Z', viewers: 1, play: { flv: '/live/show.flv' }, video: { codec: 'h264' }, audio: { codec: 'aac' } }
  const seen = () => ({ phase: watching.phase, plays: !video.paused, asks: watching.paused })

  /** Time goes on, in which the show arrives or does not. */
  async function pass(seconds: number, arrives = true) {
    for (let i = 0; i < seconds * 4; i++) {
      if (arrives) world.arrived += 0.25
      await vi.advanceTimersByTimeAsync(250)
    }
  }
  async function show(visible: boolean) {
    page.visibilityState = visible ? 'visible' : 'hidden'
    page.dispatchEvent(new Event('visibilitychange'))
    await pass(1)
  }
  async function watch(refuses: Refuses = 'nothing') {
    video.refuses = refuses
    watching = new Watching('show', { key: '' })
    watching.attach(video as unknown as HTMLVideoElement)
    await pass(0.25)
    world.tell(live)
    await vi.dynamicImportSettled()
    await pass(2)
  }

  beforeEach(() => {
    vi.useFakeTimers()
    Object.assign(world, { made: 0, running: 0, arrived: 0, caughtUp: 0, behind: 0 })
    page = Object.assign(new EventTarget(), { visibilityState: 'visible', pictureInPictureElement: undefined, createElement: () => ({ canPlayType: () => '' }) })
    keys = {}
    video = new Video()
    vi.stubGlobal('document', page)
    vi.stubGlobal('window', Object.assign(new EventTarget(), { setTimeout, setInterval, MediaSource: { isTypeSupported: () => true } }))
    vi.stubGlobal('MediaSource', { isTypeSupported: () => true })
    vi.stubGlobal('addEventListener', () => {})
    vi.stubGlobal('removeEventListener', () => {})
    vi.stubGlobal('location', { href: 'http://host/w/show' })
    vi.stubGlobal('navigator', { userAgent: '', mediaSession: { setActionHandler: (action: string, run: (() => void) | null) => (keys[action] = run) } })
  })
  afterEach(() => {
    watching.stop()
    vi.unstubAllGlobals()
    vi.useRealTimers()
  })

  const plays = { phase: 'playing', plays: true, asks: false }
  const asks = { phase: 'playing', plays: false, asks: true }

  it('plays on where the show is after a pause that nobody wished for', async () => {
    await watch()
    video.pause()
    await pass(2)
    expect(seen()).toEqual(plays)
    expect([world.made, world.caughtUp]).toEqual([1, 1])
    // Headphones may be gone, or another program is heard.
    expect([video.muted, watching.soundBlocked]).toEqual([true, true])
    watching.setMuted(false)
    expect([video.muted, watching.soundBlocked]).toEqual([false, false])
  })

  it('leaves to the browser what it plays on by itself', async () => {
    await watch()
    video.pause()
    await pass(1)
    await video.play()
    await pass(3)
    expect([video.muted, watching.soundBlocked, watching.paused]).toEqual([false, false, false])
  })

  it('plays on once the page is looked at again, however long that took', async () => {
    await watch()
    await show(false)
    video.pause()
    await pass(20, false)
    expect(seen()).toEqual({ phase: 'playing', plays: false, asks: false })
    await show(true)
    expect(seen()).toEqual(plays)
    expect([world.made, video.muted]).toEqual([1, false])
    await show(false)
    video.pause()
    await pass(60, false)
    await show(true)
    await vi.dynamicImportSettled()
    await pass(1)
    expect(seen()).toEqual(plays)
    expect([world.made, video.muted]).toEqual([2, false])
  })

  it('plays on aloud after a pause that came just before the page was left', async () => {
    await watch()
    video.pause()
    await pass(0.25)
    await show(false)
    await pass(10, false)
    await show(true)
    expect(seen()).toEqual(plays)
    expect([watching.soundBlocked, video.muted]).toEqual([false, false])
  })

  it('begins anew where nothing comes and a pause is not over', async () => {
    await watch()
    video.play = async () => {} // a call that goes on
    video.pause()
    await pass(12, false)
    expect(world.made).toBeGreaterThan(1)
  })

  it('stands still for whoever pauses it with the keys for media, until they play it', async () => {
    await watch()
    keys['pause']!()
    await pass(20, false)
    await show(false)
    await show(true)
    expect(seen()).toEqual(asks)
    world.tell({ ...live, resumed: '2026-01-01T10:30:00Z' }) // not even a show that began anew is heard
    await pass(30)
    world.tell({ on: false, returning: true })
    await pass(5)
    world.tell({ ...live, resumed: '2026-01-01T10:31:00Z' })
    await pass(30)
    expect(seen()).toMatchObject({ plays: false, asks: true })
    expect(world.made).toBe(1)
    keys['play']!()
    await vi.dynamicImportSettled()
    await pass(2)
    expect(seen()).toEqual(plays)
  })

  it('has its sound after a broken connection', async () => {
    await watch()
    while (watching.phase !== 'reconnecting') await pass(0.25, false)
    video.pause() // as a player does that ends
    world.tell({ on: false, returning: true })
    await pass(5)
    world.tell(live)
    await vi.dynamicImportSettled()
    await pass(2)
    expect(seen()).toEqual(plays)
    expect([watching.soundBlocked, video.muted]).toEqual([false, false])
  })

  it('stands still for whoever pauses it while it connects again', async () => {
    await watch()
    while (watching.phase !== 'reconnecting') await pass(0.25, false)
    video.pause() // as a player does that ends
    await pass(0.1)
    keys['pause']!()
    await pass(5)
    expect(seen()).toMatchObject({ plays: false, asks: true })
    keys['play']!()
    await vi.dynamicImportSettled()
    await pass(2)
    expect(seen()).toEqual(plays)
  })

  it('stands still for whoever paused it and turns its sound off and on', async () => {
    await watch()
    keys['pause']!()
    await pass(1)
    watching.setMuted(true)
    watching.setMuted(false)
    await pass(1)
    expect(seen()).toEqual(asks)
    expect([watching.soundBlocked, world.caughtUp]).toEqual([false, 0])
  })

  it('fetches nothing any more for whoever paused it a while ago', async () => {
    await watch()
    keys['pause']!()
    await pass(20)
    expect(world.running).toBe(1)
    await pass(60)
    expect(seen()).toMatchObject({ plays: false, asks: true })
    expect([world.made, world.running]).toEqual([1, 0])
    watching.play()
    await vi.dynamicImportSettled()
    await pass(2)
    expect(seen()).toEqual(plays)
    expect([watching.soundBlocked, video.muted]).toEqual([false, false])
  })

  it('keeps the place of whoever went back and paused there', async () => {
    world.behind = 40
    await watch()
    keys['pause']!()
    await pass(120)
    expect([world.made, world.running]).toEqual([1, 1])
  })

  it.each([
    ['by its button', ['pause']],
    ['by its X, which pauses first', ['pause', 'leave']],
    ['by its X, which pauses then', ['leave', 'pause']],
  ])('stands still for whoever pauses a floating window %s', async (_, order) => {
    await watch()
    video.tell('enterpictureinpicture')
    await pass(10)
    for (const what of order) {
      if (what === 'pause') video.pause()
      else video.tell('leavepictureinpicture')
      await pass(0.25)
    }
    await pass(10)
    expect(seen()).toEqual(asks)
    watching.play()
    await pass(1)
    expect(seen()).toEqual(plays)
  })

  it('keeps a floating window that stands still for a while, which would close', async () => {
    await watch()
    video.tell('enterpictureinpicture')
    page.pictureInPictureElement = video
    video.pause()
    await pass(120)
    expect([seen(), world.running]).toEqual([asks, 1])
    await pass(600)
    expect(world.running).toBe(0)
  })

  it('takes no pause by key for one that was played on', async () => {
    await watch()
    keys['pause']!()
    await pass(2)
    keys['play']!()
    await pass(0.25)
    video.pause() // by nobody
    await pass(2)
    expect(seen()).toEqual(plays)
  })

  it('plays on after a floating window that was put back into the page', async () => {
    await watch()
    video.tell('enterpictureinpicture')
    await pass(10)
    video.tell('leavepictureinpicture')
    await pass(2)
    video.pause()
    await pass(2)
    expect(seen()).toEqual(plays)
  })

  it('plays on where the show is for whoever plays it in an iPhone’s own player', async () => {
    await watch()
    video.webkitDisplayingFullscreen = true
    video.pause()
    await pass(300)
    expect([seen(), world.running]).toEqual([asks, 1]) // that would close
    await video.play() // by its button
    await pass(2)
    expect(seen()).toEqual(plays)
    expect(world.caughtUp).toBe(1)
  })

  it('leaves an iPhone’s own player to whoever has it open, and plays on when they leave it', async () => {
    await watch()
    video.webkitDisplayingFullscreen = true
    video.pause()
    await pass(10, false)
    expect(seen()).toEqual(asks)
    video.webkitDisplayingFullscreen = false
    video.tell('webkitendfullscreen')
    await pass(1)
    expect(seen()).toEqual(plays)
  })

  it('does not fight with what pauses again and again', async () => {
    await watch()
    video.pause()
    await pass(2)
    video.pause()
    await pass(10, false)
    expect(seen()).toEqual(asks)
    expect(world.made).toBe(1)
  })

  it('plays without sound where the browser refuses it', async () => {
    await watch('sound')
    expect(seen()).toEqual(plays)
    expect(watching.soundBlocked).toBe(true)
  })

  it('asks to be played where the browser plays nothing by itself, and takes that for no broken way', async () => {
    await watch('all')
    await pass(60)
    expect(seen()).toEqual({ phase: 'starting', plays: false, asks: true })
    expect(world.made).toBe(1)
    video.refuses = 'nothing'
    watching.play()
    await pass(2)
    expect(seen()).toEqual(plays)
    expect([watching.soundBlocked, video.muted]).toEqual([false, false])
  })

  it('asks nobody any more when the show is over, and plays the next', async () => {
    await watch()
    keys['pause']!()
    await pass(1)
    world.tell({ on: false })
    expect(seen()).toMatchObject({ phase: 'ended', asks: false })
    world.tell({ ...live, since: '2026-01-01T12:00:00Z' })
    await vi.dynamicImportSettled()
    await pass(2)
    expect(seen()).toEqual(plays)
  })

  it('plays again for whoever was shut out for a while', async () => {
    await watch()
    watching.suspend()
    world.tell(live)
    await pass(5)
    expect(world.made).toBe(1)
    watching.resume()
    await vi.dynamicImportSettled()
    await pass(2)
    expect(seen()).toEqual(plays)
  })

  it.each([
    ['it is over', () => world.tell({ on: false })],
    ['somebody is on the stage', () => watching.suspend()],
    ['the page is left', () => watching.stop()],
  ])('leaves the keys for media to others while %s', async (_, end) => {
    await watch()
    expect(keys).toEqual({ pause: expect.any(Function), play: expect.any(Function) })
    end()
    expect(keys).toEqual({ pause: null, play: null })
  })
})
