/** Texts of: local. */
export const local = {
  camera: {
    one: 'your camera',
    another: 'another one',
    gone: (device: string) => `The camera is off: ${device} was unplugged.`,
    replaced: (device: string, other: string) => `${device} was unplugged. You are seen through ${other} now.`,
    back: (device: string) => `${device} is back.`,
    problem: {
      denied: 'The browser may not use your camera. Allow it at the left of the address bar.',
      busy: 'Another program is using the camera. Close it and try again.',
      missing: 'This camera was not found. Plug it in or choose another one.',
      insecure: 'Over an address that is not secure the browser keeps the camera off.',
      unsupported: 'This browser gives pages no camera.',
      inapp: 'The browser inside this app gives pages no camera.',
      failed: 'The camera did not start. Choose another one, or unplug it and plug it in again.',
    },
  },
  microphone: {
    one: 'your microphone',
    another: 'another one',
    gone: (device: string) => `Nobody hears you: ${device} was unplugged.`,
    replaced: (device: string, other: string) => `${device} was unplugged. You are heard through ${other} now.`,
    back: (device: string) => `${device} is back.`,
    problem: {
      denied: 'The browser may not use your microphone. Allow it at the left of the address bar.',
      busy: 'Another program is using the microphone. Close it and try again.',
      missing: 'This microphone was not found. Plug it in or choose another one.',
      insecure: 'Over an address that is not secure the browser keeps the microphone off.',
      unsupported: 'This browser gives pages no microphone.',
      inapp: 'The browser inside this app gives pages no microphone.',
      failed: 'The microphone did not start. Choose another one, or unplug it and plug it in again.',
    },
  },
  screen: {
    problem: {
      denied: 'The browser may not share your screen.',
      busy: 'The system does not let the browser see this screen. Allow it in the system’s settings.',
      missing: 'There was nothing to share.',
      insecure: 'Over an address that is not secure the browser shares no screen.',
      unsupported: 'This browser cannot share its screen. Use a computer for that.',
      inapp: 'The browser inside this app cannot share its screen.',
      failed: 'Sharing the screen did not start. Try again.',
    },
  },
  speaker: {
    one: 'your speaker',
    gone: (device: string) => `${device} was unplugged. Sound comes from the system’s speaker now.`,
    back: (device: string) => `${device} is back.`,
  },
  speakerFailed: 'The sound could not be moved there. It goes on where it was.',
  filterFailed: 'This browser could not put that filter on.',
  filterFailedOff: 'The filter broke, so your camera is off. Turn it on to be seen without a filter.',
}
