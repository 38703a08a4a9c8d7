import { describe, expect, it } from 'vitest'
import { hueOf, initials } from './initials'

describe('initials', () => {
  it.each([
    ['Ada Lovelace', 'AL'],
    ['ada', 'A'],
    ['王小明', '小明'],
    ['李雷', '李雷'],
    ['  ', '?'],
    ['🎸', '🎸'],
    ['Jean-Luc de la Cruz', 'JC'],
  ])('%s', (name, want) => expect(initials(name)).toBe(want))

  it('gives the same colour to the same person', () => expect(hueOf('PA_1')).toBe(hueOf('PA_1')))
})
