/** The gifts that this page offers. Applications with payment give gifts over the API, with names of their own. */
export const gifts = [
  { id: 'rose', mark: '🌹' },
  { id: 'beer', mark: '🍺' },
  { id: 'rocket', mark: '🚀' },
  { id: 'crown', mark: '👑' },
]

export function markOf(gift: string) {
  return gifts.find(({ id }) => id === gift)?.mark ?? '🎁'
}
