// The clock of `every`: a worker's timers keep their pace when the page is in the background.
addEventListener('message', ({ data }: MessageEvent<number>) => setInterval(() => postMessage(0), data))

export {}
