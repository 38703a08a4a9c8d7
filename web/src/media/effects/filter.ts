/** What can be done to a picture before it is sent or kept. */
export const filters = ['none', 'blur', 'grayscale', 'warm', 'soft', 'vivid'] as const
export type Filter = (typeof filters)[number]

export function isFilter(value: string): value is Filter {
  return (filters as readonly string[]).includes(value)
}
