/** Texts where people meet, in rooms and calls alike. */
export const meeting = {
  pip: 'Picture in picture',
  pipUnavailable: 'This browser cannot do it, or there is no picture yet.',
  fullscreen: 'Full screen',
  fullscreenExit: 'Leave full screen',
}
