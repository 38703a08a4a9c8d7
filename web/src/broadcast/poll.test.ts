import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { whileSeen } from './poll.svelte'

class Page extends EventTarget {
  hidden = false
  turn(hidden: boolean) {
    this.hidden = hidden
    this.dispatchEvent(new Event('visibilitychange'))
  }
}

let page: Page
beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('document', (page = new Page()))
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

test('nothing is asked for while the page is hidden, and at once when it is seen again', () => {
  const look = vi.fn()
  const end = whileSeen(look, 3000)
  expect(look).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(6000)
  expect(look).toHaveBeenCalledTimes(3)
  page.turn(true)
  vi.advanceTimersByTime(60_000)
  expect(look).toHaveBeenCalledTimes(3)
  page.turn(false)
  expect(look).toHaveBeenCalledTimes(4)
  vi.advanceTimersByTime(3000)
  expect(look).toHaveBeenCalledTimes(5)
  end()
  page.turn(false)
  vi.advanceTimersByTime(60_000)
  expect(look).toHaveBeenCalledTimes(5)
})

test('a page that was opened out of sight waits until it is seen', () => {
  page.hidden = true
  const look = vi.fn()
  whileSeen(look, 3000)
  vi.advanceTimersByTime(60_000)
  expect(look).not.toHaveBeenCalled()
  page.turn(false)
  expect(look).toHaveBeenCalledTimes(1)
})
