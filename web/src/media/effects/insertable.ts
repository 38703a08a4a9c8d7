// Chromium's way to the frames of a track off the main thread (MediaStreamTrack Insertable Media Processing), as far as we use it.

export interface TrackGenerator extends MediaStreamTrack {
  readonly writable: WritableStream<VideoFrame>
}

interface Insertable {
  MediaStreamTrackProcessor?: new (init: { track: MediaStreamTrack; maxBufferSize?: number }) => { readonly readable: ReadableStream<VideoFrame> }
  MediaStreamTrackGenerator?: new (init: { kind: 'video' }) => TrackGenerator
}

const insertable = globalThis as Insertable

export function hasInsertableStreams(): boolean {
  return Boolean(insertable.MediaStreamTrackProcessor && insertable.MediaStreamTrackGenerator && typeof OffscreenCanvas === 'function')
}

/** The frames of a track; the oldest that was not read is dropped. The track goes on when the stream is cancelled. */
export function framesOf(track: MediaStreamTrack): ReadableStream<VideoFrame> {
  return new insertable.MediaStreamTrackProcessor!({ track, maxBufferSize: 2 }).readable
}

export function makeGenerator(): TrackGenerator {
  return new insertable.MediaStreamTrackGenerator!({ kind: 'video' })
}
