import type { Component, Snippet } from 'svelte'
import type { Pointers } from '../team/pointers.svelte'
import type { MenuItem } from '../ui/Menu.svelte'
import type { Tile } from './view'

/** A panel beside the stage, and the button that opens it. */
export interface ScenePanel {
  id: string
  title: string
  icon: Component<{ size?: number }>
  /** It has a button of its own in the bar where there is room; the others are behind one for all. */
  inBar?: boolean
  /** How many things in it wait for somebody. */
  badge?: number
  body: Snippet
}

/** A button in the bar. */
export interface SceneControl {
  icon: Component<{ size?: number }>
  word: string
  label: string
  key?: string
  /** Whether what it switches is on; absent where it switches nothing. */
  on?: boolean
  run: () => unknown
  /** On narrow screens it is in the menu. */
  rare?: boolean
}

/** What a scene adds to a room's page. */
export interface SceneParts {
  /** Which pictures are on the stage; all without it. */
  shows?: (tile: Tile) => boolean
  /** What stands around the stage, or beside it. */
  frame?: Snippet<[stage: Snippet]> | undefined
  /** A panel that is always there, before the stage. */
  beside?: Snippet | undefined
  /** The stage fills the screen, and the page's head and foot lie over it. */
  bleed?: boolean
  /** Takes the place of the room's own chat; `count` is how much was said. */
  chat?: { body: Snippet; count: number }
  /** Above the list of people. */
  people?: Snippet | undefined
  panels?: ScenePanel[]
  bar?: SceneControl[]
  /** Short words over the stage, of the class "notice"; it is given what opens a panel, and the one that is open. */
  notices?: Snippet<[open: (panel: string) => void, panel: string | undefined]> | undefined
  /** What is done there seldom. */
  menu?: MenuItem[]
  /** Its people show what they feel in another way. */
  unreacted?: boolean
  /** Where people point on shared screens. */
  pointers?: Pointers | undefined
  /** Some of its people are in rooms under it, and come back: who is left is not alone. */
  elsewhere?: boolean
  /** Nobody is invited here by a link, and nothing goes on the air. */
  closed?: boolean
  /** Dialogs. */
  over?: Snippet | undefined
}
