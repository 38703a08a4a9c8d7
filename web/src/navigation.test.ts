import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

describe('the address', () => {
  const place = { pathname: '/', search: '', hash: '' }
  let pop: () => void
  let shown: string[]
  let wentBack: number
  let page: typeof import('./navigation.svelte')
  let leaving: typeof import('./leaving')
  let route: typeof page.route

  beforeEach(async () => {
    vi.resetModules()
    vi.stubGlobal('location', place)
    vi.stubGlobal('document', { addEventListener() {} })
    shown = []
    wentBack = 0
    vi.stubGlobal('history', { pushState: (_: null, __: string, path: string) => shown.push(path), back: () => wentBack++ })
    vi.stubGlobal('scrollTo', () => {})
    vi.stubGlobal('addEventListener', (_: string, listener: () => void) => (pop = listener))
    page = await import('./navigation.svelte')
    leaving = await import('./leaving')
    page.startRouter()
    route = page.route
  })
  afterEach(() => vi.unstubAllGlobals())

  function go(pathname: string, hash = '') {
    Object.assign(place, { pathname, hash })
    pop()
    return route()
  }

  it.each(['/r/tea', '/c/tea'])('%s keeps its screen with another fragment', (path) => {
    const before = go(path)
    expect(go(path, '#k=other')).toBe(before)
  })

  it.each([['/r/tea', '/r/coffee'], ['/r/tea', '/c/tea'], ['/c/tea', '/w/tea'], ['/c/tea', '/']])('leads from %s to %s', (from, to) => {
    const before = go(from)
    expect(go(to)).not.toEqual(before)
  })

  describe('of a screen with which something is lost', () => {
    let holds: boolean
    let leave: (() => void) | undefined

    beforeEach(() => {
      holds = true
      leave = undefined
      go('/r/tea', '#k=guest')
      leaving.askBeforeLeaving({ holds: () => holds, ask: (go) => (leave = go) })
    })

    it('stays for whoever goes back, until they say that they want to leave', () => {
      const before = route()
      expect(go('/')).toBe(before)
      expect([shown, wentBack]).toEqual([['/r/tea#k=guest'], 0])
      go('/') // once more
      leave!()
      expect(wentBack).toBe(1)
      expect(go('/')).toEqual({ screen: 'home' })
      expect(shown).toHaveLength(2)
    })

    it('stays for whoever follows a link, until they say so', () => {
      page.navigate('/check')
      expect(shown).toEqual([])
      leave!()
      expect(shown).toEqual(['/check'])
    })

    it('asks each time', () => {
      let again = 0
      leaving.askFirst(() => again++)
      leave!()
      expect(again).toBe(1)
      leave = undefined
      go('/')
      expect(leave).toBeDefined()
    })

    it('asks of another reason then', () => {
      let last: (() => void) | undefined
      leaving.askBeforeLeaving({ holds: () => true, ask: (go) => (last = go) })
      go('/')
      expect(last).toBeUndefined()
      leave!()
      expect(wentBack).toBe(0)
      last!()
      expect(wentBack).toBe(1)
      expect(go('/')).toEqual({ screen: 'home' })
    })

    it('keeps nobody from another fragment, nor where nothing is lost any more', () => {
      const before = route()
      expect(go('/r/tea', '#k=other')).toBe(before)
      expect(leave).toBeUndefined()
      holds = false
      expect(go('/')).toEqual({ screen: 'home' })
      expect([leave, shown]).toEqual([undefined, []])
    })
  })

  it('makes the watch page anew, which reads its fragment once', () => {
    const before = go('/w/tea')
    expect(go('/w/tea', '#k=other')).not.toBe(before)
  })
})
