import { render } from 'svelte/server'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { t } from '../i18n/index.svelte'
import InRoom from './InRoom.svelte'
import type { RoomView } from './view'

const bar = vi.hoisted(() => ({ leave: () => {} }))
vi.mock('./Bar.svelte', () => ({ default: (_: unknown, { onleave }: { onleave: () => void }) => (bar.leave = onleave) }))

describe('leaving a room', () => {
  let left: number

  beforeEach(() => {
    left = 0
    vi.stubGlobal('matchMedia', () => ({ matches: false }))
    vi.stubGlobal('document', {})
    vi.stubGlobal('navigator', {})
    vi.stubGlobal('location', { origin: 'http://x', pathname: '/r/tea', hash: '' })
  })

  const view = {
    room: 'tea', title: 'Tea', role: 'guest', phase: 'connecting', people: [], tiles: [], messages: [], me: { quality: 'good' }, reactions: { list: [] },
    async leave() { left++ },
  } as unknown as RoomView
  const room = (lost: 'unsaved' | undefined, open?: 'lost') => render(InRoom, { props: { view, info: undefined, scene: { lost }, initial: open ? { open } : {} } }).body

  it('happens at once where nothing is lost', () => {
    room(undefined)
    bar.leave()
    expect(left).toBe(1)
  })

  it('asks first where files are lost with it', () => {
    room('unsaved')
    bar.leave()
    expect(left).toBe(0)
    bar.leave() // as the answer does
    expect(left).toBe(1)
    expect(room('unsaved', 'lost')).toContain(t().room.losing.unsaved)
  })
})
