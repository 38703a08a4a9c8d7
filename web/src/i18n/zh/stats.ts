import type { Dictionary } from '../en'

export const stats: Dictionary['stats'] = {}
