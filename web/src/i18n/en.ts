import { app } from './en/app'
import { audience } from './en/audience'
import { board } from './en/board'
import { broadcast } from './en/broadcast'
import { call } from './en/call'
import { check } from './en/check'
import { classroom } from './en/classroom'
import { conference } from './en/conference'
import { console } from './en/console'
import { errors } from './en/errors'
import { files } from './en/files'
import { groups } from './en/groups'
import { home } from './en/home'
import { karaoke } from './en/karaoke'
import { live } from './en/live'
import { local } from './en/local'
import { match } from './en/match'
import { meeting } from './en/meeting'
import { obs } from './en/obs'
import { people } from './en/people'
import { prejoin } from './en/prejoin'
import { room } from './en/room'
import { show } from './en/show'
import { stats } from './en/stats'
import { units } from './en/units'
import { watch } from './en/watch'

/** Every text of the page in English, by area. Its shape is the type that all other languages must fill. */
export const en = {
  app,
  errors,
  home,
  prejoin,
  meeting,
  room,
  live,
  obs,
  watch,
  console,
  audience,
  board,
  call,
  check,
  classroom,
  conference,
  files,
  match,
  groups,
  karaoke,
  local,
  people,
  broadcast,
  show,
  stats,
  units,
}

export type Dictionary = typeof en
