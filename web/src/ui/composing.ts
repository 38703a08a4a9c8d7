/**
 * Whether a key belongs to an input method, which ends or gives up a composition with Enter and Escape too. Safari says of that key that nothing is
 * composed any more, but gives it the code that keys have while something is.
 */
export function composes({ isComposing, keyCode }: Pick<KeyboardEvent, 'isComposing' | 'keyCode'>): boolean {
  return isComposing || keyCode === 229
}
