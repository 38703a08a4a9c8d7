/** Texts of a show's console. */
export const show = {
  program: 'Program',
  preview: 'What viewers see now',
  previewNone: 'Once you are live, what viewers see is shown here.',
  layout: 'Layout',
  layoutHint: 'Viewers see the change at once; nobody is interrupted.',
  layoutUnavailable: 'Without ffmpeg the server cannot put pictures together; viewers see one of them.',
  layouts: {
    auto: 'Automatic', grid: 'Grid', speaker: 'Speaker', 'side-by-side': 'Side by side', 'picture-in-picture': 'Picture in picture', screen: 'Screen', audio: 'Voices only',
  },
  orientation: 'Shape of the picture',
  portrait: 'Upright 9:16',
  landscape: 'Wide 16:9',
}
