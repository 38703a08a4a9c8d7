import type { Dictionary } from '../en'

export const files: Dictionary['files'] = {}
