import type { Dictionary } from '../en'

export const units: Dictionary['units'] = {
  days: (n) => `${n} 天`,
}
