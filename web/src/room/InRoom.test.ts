import { render } from 'svelte/server'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { askBeforeLeaving } from '../leaving'
import InRoom from './InRoom.svelte'
import Invite from './Invite.svelte'
import type { RoomView } from './view'

const bar = vi.hoisted(() => ({ leave: () => {}, unread: 0 }))
vi.mock('./Bar.svelte', () => ({ default: (_: unknown, { onleave, unread }: { onleave: () => void; unread: number }) => Object.assign(bar, { leave: onleave, unread }) }))

describe('a room', () => {
  let left: number

  beforeEach(() => {
    left = 0
    vi.stubGlobal('matchMedia', () => ({ matches: false }))
    vi.stubGlobal('document', {})
    vi.stubGlobal('navigator', {})
    vi.stubGlobal('location', { origin: 'http://x', pathname: '/r/tea', hash: '#k=own' })
  })

  const view = {
    room: 'tea', title: 'Tea', role: 'guest', phase: 'connecting', people: [], tiles: [], messages: [], said: 0, me: { quality: 'good' }, reactions: { list: [] }, publicWatch: true,
    async leave() { left++ },
  } as unknown as RoomView
  const room = (more: Partial<RoomView> = {}) => render(InRoom, { props: { view: { ...view, ...more }, info: undefined } }).body

  it('is left at once where nothing is lost', () => {
    room()
    bar.leave()
    expect(left).toBe(1)
  })

  it('is left once every reason to stay has been asked about, each in its turn', () => {
    const asked: string[] = []
    let answer = () => {}
    const reason = (what: string) => askBeforeLeaving({
      holds: () => what !== 'over',
      ask: (leave) => {
        asked.push(what)
        answer = leave
      },
    })
    const ends = ['files', 'over', 'live'].map(reason)
    room()
    bar.leave()
    expect([asked, left]).toEqual([['files'], 0])
    answer()
    expect([asked, left]).toEqual([['files', 'live'], 0])
    answer()
    expect(left).toBe(1)
    for (const end of ends) end()
  })

  it('counts what is unread beyond what is kept', () => {
    room({ said: 510 })
    expect(bar.unread).toBe(510)
  })

  it('invites with a guest’s link, and with none before a host knows it', () => {
    const links = (more: Partial<RoomView>) => render(Invite, { props: { view: { ...view, ...more }, info: undefined, onclose: () => {} } }).body
    expect(links({})).toContain('http://x/r/tea#k=own')
    expect(links({ role: 'host' })).not.toContain('own')
    expect(links({ role: 'host' })).toContain('http://x/r/tea"')
    expect(links({ role: 'host', keys: { host: 'h', guest: 'g', watch: 'w', publish: 'p' } })).toContain('http://x/r/tea#k=g')
  })
})
