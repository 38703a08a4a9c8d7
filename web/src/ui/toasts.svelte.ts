export interface Toast {
  id: number
  text: string
  tone: 'plain' | 'bad'
}

let next = 1
let list = $state.raw<Toast[]>([])

export function toasts(): Toast[] {
  return list
}

/** Says something in passing, for four seconds. */
export function toast(text: string, tone: Toast['tone'] = 'plain') {
  const id = next++
  list = [...list.slice(-2), { id, text, tone }]
  setTimeout(() => (list = list.filter((entry) => entry.id !== id)), 4000)
}
