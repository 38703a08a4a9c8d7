import type { Dictionary } from '../en'

export const check: Dictionary['check'] = {}
