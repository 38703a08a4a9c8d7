import type { Dictionary } from '../en'

export const call: Dictionary['call'] = {}
