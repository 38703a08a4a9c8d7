/** Asks again and again while a component is shown; what fails leaves the last answer. */
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
  $effect(() => {
    void look()
    const timer = setInterval(() => void look(), every)
    return () => clearInterval(timer)
  })
  return {
    get value() { return value },
    /** Tells that there was no answer yet, and that asking fails. */
    get refused() { return failed && value === undefined },
    look,
  }
}
