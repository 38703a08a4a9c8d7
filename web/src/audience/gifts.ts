import Beer from '@lucide/svelte/icons/beer'
import Crown from '@lucide/svelte/icons/crown'
import Flower from '@lucide/svelte/icons/flower-2'
import Gift from '@lucide/svelte/icons/gift'
import Rocket from '@lucide/svelte/icons/rocket'

/** The gifts that this page offers. Applications with payment give gifts over the API, with names of their own. */
export const gifts = [
  { id: 'rose', icon: Flower },
  { id: 'beer', icon: Beer },
  { id: 'rocket', icon: Rocket },
  { id: 'crown', icon: Crown },
]

export function iconOf(gift: string) {
  return gifts.find(({ id }) => id === gift)?.icon ?? Gift
}
