/** Texts of a match-making room. */
export const match = {
  waiting: 'The matchmaker is not here yet',
  waitingText: 'You see and hear everything as soon as they come. You can ask for a seat at any time.',
}
