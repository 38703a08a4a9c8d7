import { plural } from './plural'

/** Texts for amounts. */
export const units = {
  days: (n: number) => plural(n, 'day', 'days'),
}
