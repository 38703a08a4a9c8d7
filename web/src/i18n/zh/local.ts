import type { Dictionary } from '../en'

export const local: Dictionary['local'] = {}
