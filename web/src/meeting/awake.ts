/** Keeps the screen on while people meet, as far as the browser lets it, until the returned function is called. */
export function keepAwake(): () => void {
  let lock: WakeLockSentinel | undefined
  let ended = false
  // The system takes it back whenever the page is hidden.
  const ask = async () => {
    if (document.visibilityState !== 'visible') return
    lock = await navigator.wakeLock?.request('screen').catch(() => undefined)
    if (ended) void lock?.release()
  }
  void ask()
  document.addEventListener('visibilitychange', ask)
  return () => {
    ended = true
    document.removeEventListener('visibilitychange', ask)
    void lock?.release()
  }
}
