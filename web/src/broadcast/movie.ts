import Hls from 'hls.js'

/** Plays a recording out of its playlist; failed hears where that does not work. What it gives ends it. */
export function playMovie(video: HTMLVideoElement, playlist: string, failed: () => void): () => void {
  const hls = new Hls({ backBufferLength: 60 })
  hls.on(Hls.Events.ERROR, (_, { fatal }) => {
    if (fatal) failed()
  })
  hls.loadSource(new URL(playlist, location.href).href)
  hls.attachMedia(video)
  return () => hls.destroy()
}
