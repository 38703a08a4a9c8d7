import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

describe('the address', () => {
  const place = { pathname: '/', hash: '' }
  let pop: () => void
  let route: typeof import('./navigation.svelte').route

  beforeEach(async () => {
    vi.resetModules()
    vi.stubGlobal('location', place)
    vi.stubGlobal('document', { addEventListener() {} })
    vi.stubGlobal('addEventListener', (_: string, listener: () => void) => (pop = listener))
    const navigation = await import('./navigation.svelte')
    navigation.startRouter()
    route = navigation.route
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

  it('makes the watch page anew, which reads its fragment once', () => {
    const before = go('/w/tea')
    expect(go('/w/tea', '#k=other')).not.toBe(before)
  })
})
