import { recall, remember } from './remember'

export type Theme = 'auto' | 'light' | 'dark'

const dark = matchMedia('(prefers-color-scheme: dark)')
let chosen = $state<Theme>(parse(recall('theme')))

function parse(text: string): Theme {
  return text === 'light' || text === 'dark' ? text : 'auto'
}

function apply() {
  const effective = chosen === 'auto' ? (dark.matches ? 'dark' : 'light') : chosen
  document.documentElement.dataset.theme = effective
}

export function theme(): Theme {
  return chosen
}

export function setTheme(next: Theme) {
  chosen = next
  remember('theme', next === 'auto' ? '' : next)
  apply()
}

export function startTheme() {
  apply()
  dark.addEventListener('change', apply)
}
