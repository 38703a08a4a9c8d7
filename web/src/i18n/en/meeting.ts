/** Texts where people meet, in rooms and calls alike. */
export const meeting = {
  pip: 'Picture in picture',
  pipUnavailable: 'This browser cannot do it, or there is no picture yet.',
  fullscreen: 'Full screen',
  fullscreenExit: 'Leave full screen',
  // What stands under the buttons, as short as can be.
  camera: 'Camera',
  turnCamera: 'Flip the camera',
  share: 'Share',
  shareStop: 'Stop',
  board: 'Whiteboard',
  pointer: 'Pointer',
  react: 'React',
  tools: 'Tools',
  toolsWaiting: (n: number) => `${n} waiting`,
  // Parts of the menu.
  view: 'View',
  own: 'Settings',
  invite: 'Room',
  reactions: { thumb: 'Thumbs up', heart: 'Heart', laugh: 'Laughing', wow: 'Astonished', clap: 'Applause', party: 'Celebrating' },
  reacted: (name: string, what: string) => `${name}: ${what}`,
}
