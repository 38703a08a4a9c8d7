import { plural } from './plural'

/** Texts of the conference: its door. */
export const conference = {
  waitingTitle: 'You will be let in soon',
  waitingText: (title: string) => `The host of “${title}” knows that you are here. Nobody sees or hears you yet.`,
  waitingLeave: 'Leave',
  door: 'Door',
  waits: (n: number) => `${plural(n, 'person waits', 'people wait')} to come in`,
  waitsNobody: 'Nobody waits.',
  admit: 'Let in',
  admitAll: 'Let all in',
  refuse: 'Turn away',
  waitingRoom: 'Waiting room',
  waitingRoomText: 'Who comes waits until you let them in.',
  lock: 'Lock the room',
  lockText: 'Nobody new comes in.',
  locked: 'The room is locked.',
}
