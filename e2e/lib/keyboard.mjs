// A person who has a keyboard alone.
import assert from 'node:assert/strict'

/** What the focus is on, by its name as far as that is simple. */
export const focused = (page) =>
  page.evaluate(() => {
    const at = document.activeElement
    return at?.getAttribute('aria-label') || at?.labels?.[0]?.textContent?.trim() || at?.textContent?.trim() || ''
  })

/** Tabs to what has a name, at most once around the page. */
export async function tabTo(page, name, most = 60) {
  const passed = []
  for (let i = 0; i < most; i++) {
    await page.keyboard.press('Tab')
    const at = await focused(page)
    if (name.test(at)) return
    passed.push(at.slice(0, 30))
  }
  assert.fail(`${name} is not reached by the keyboard, but ${passed.join(', ')}`)
}
