/** Tells when the way to the network has changed: it came back, or went from one kind to another. Returns how to stop. */
export function watchNetwork(tell: () => void): () => void {
  const connection = (navigator as { connection?: EventTarget }).connection
  addEventListener('online', tell)
  connection?.addEventListener('change', tell)
  return () => {
    removeEventListener('online', tell)
    connection?.removeEventListener('change', tell)
  }
}
