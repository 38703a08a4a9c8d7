/** Looks at once, and again and again while the page is in sight: hidden, it asks for nothing, and looks as soon as it is seen again. Gives what ends it. */
export function whileSeen(look: () => void, every: number): () => void {
  let timer: ReturnType<typeof setInterval> | undefined
  function follow() {
    clearInterval(timer)
    if (document.hidden) return
    look()
    timer = setInterval(look, every)
  }
  follow()
  document.addEventListener('visibilitychange', follow)
  return () => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', follow)
  }
}

/** Asks again and again, every so many milliseconds, while a component is shown; what fails leaves the last answer. */
export function poll<T>(ask: () => Promise<T>, every: number) {
  let value = $state.raw<T>()
  let failed = $state(false)
  async function look() {
    try {
      value = await ask()
      failed = false
    } catch {
      failed = true
    }
  }
  $effect(() => whileSeen(() => void look(), every))
  return {
    get value() { return value },
    /** Tells that there was no answer yet, and that asking fails. */
    get refused() { return failed && value === undefined },
    look,
  }
}
