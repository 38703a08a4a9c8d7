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

let tools: Element | undefined

/** Attached to tools that people use all the time: toasts lie above them. */
export function toastsAbove(element: Element) {
  tools = element
  return () => {
    if (tools === element) tools = undefined
  }
}

/** How far from the foot of the page toasts lie now, in pixels; undefined for the usual place. */
export function toastsLift(): number | undefined {
  const top = tools?.firstElementChild?.getBoundingClientRect().top // they may have more room than they fill
  return top && innerHeight - top + 8
}

/** Says something in passing, for four seconds. */
export function toast(text: string, tone: Toast['tone'] = 'plain') {
  const id = next++
  list = [...list.slice(-2), { id, text, tone }]
  setTimeout(() => (list = list.filter((entry) => entry.id !== id)), 4000)
}
