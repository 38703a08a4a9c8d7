import { app } from './zh/app'
import { audience } from './zh/audience'
import { board } from './zh/board'
import { broadcast } from './zh/broadcast'
import { call } from './zh/call'
import { check } from './zh/check'
import { classroom } from './zh/classroom'
import { conference } from './zh/conference'
import { console } from './zh/console'
import { errors } from './zh/errors'
import { files } from './zh/files'
import { groups } from './zh/groups'
import { home } from './zh/home'
import { karaoke } from './zh/karaoke'
import { live } from './zh/live'
import { local } from './zh/local'
import { match } from './zh/match'
import { meeting } from './zh/meeting'
import { obs } from './zh/obs'
import { people } from './zh/people'
import { prejoin } from './zh/prejoin'
import { room } from './zh/room'
import { show } from './zh/show'
import { stats } from './zh/stats'
import { units } from './zh/units'
import { watch } from './zh/watch'
import type { Dictionary } from './en'

/** 页面的全部中文文案。 */
export const zh: Dictionary = {
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
