// The clock of `every`: a worker's timers keep their pace when the page is in the background. The first message is the pace in
// milliseconds, each further one says that the page has done its tick: one that cannot keep up misses ticks and gathers none.
let busy = false

addEventListener(
  'message',
  ({ data }: MessageEvent<number>) => {
    addEventListener('message', () => (busy = false))
    setInterval(() => {
      if (busy) return
      busy = true
      postMessage(0)
    }, data)
  },
  { once: true },
)

export {}
