import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { State, WireMember } from './protocol'
import { Roster } from './roster'

const silence: State = { microphone: false, camera: false, screen: false }
const talking: State = { microphone: true, camera: true, screen: false }
const member = (id: string, state: State): WireMember => ({ id, name: id, role: 'guest', present: true, state }) as WireMember
const nothingFlows = () => false

describe('a roster', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const made = () => {
    const changed = vi.fn()
    const roster = new Roster(changed)
    roster.enter('me', [member('me', talking), member('bo', talking)], [])
    return { roster, changed }
  }

  it('misses who was there before the call was entered anew, for a while', () => {
    const { roster } = made()
    roster.enter('me2', [member('me2', silence)], [])
    expect(roster.dismiss(nothingFlows)).toEqual([])
    vi.advanceTimersByTime(31_000)
    expect(roster.dismiss((id) => id === 'bo').map(({ id }) => id)).toEqual(['me'])
    expect(roster.dismiss(nothingFlows).map(({ id }) => id)).toEqual(['bo'])
    expect(roster.knows('bo')).toBe(false)
  })

  it('shows who comes back as before until they tell otherwise, and not for ever', () => {
    const { roster, changed } = made()
    expect(roster.leave('bo', { back: true, flows: false })).toMatchObject({ gone: false })
    roster.meet(member('bo', silence))
    expect(roster.members.get('bo')!.state).toEqual(talking)
    vi.advanceTimersByTime(3000)
    expect(roster.members.get('bo')!.state).toEqual(silence)
    expect(changed).toHaveBeenCalledOnce()
  })

  it('takes what somebody tells for what it is, whoever stood in for it', () => {
    const { roster, changed } = made()
    roster.leave('bo', { back: true, flows: false })
    roster.meet(member('bo', silence))
    const told = member('bo', { ...talking, camera: false })
    roster.meet(told)
    vi.advanceTimersByTime(5000)
    expect(roster.members.get('bo')).toBe(told)
    expect(changed).not.toHaveBeenCalled()
  })

  it('lets go of who has left, and keeps who is only cut off from the server', () => {
    const { roster } = made()
    expect(roster.leave('nobody', { back: false, flows: false })).toBeUndefined()
    expect(roster.leave('bo', { back: false, flows: true })).toMatchObject({ gone: false })
    expect(roster.dismiss((id) => id === 'bo')).toEqual([])
    expect(roster.dismiss(nothingFlows).map(({ id }) => id)).toEqual(['bo'])
    roster.meet(member('bo', talking))
    expect(roster.leave('bo', { back: false, flows: false })).toMatchObject({ gone: true })
    expect(roster.knows('bo')).toBe(false)
  })
})
