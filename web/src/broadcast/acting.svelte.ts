import { codeOf, type ErrorCode } from '../api/client'
import { toast } from '../ui/toasts.svelte'

/** Does one thing at a time and looks again; what is refused is told in the words that `word` has for it. */
export function acting(look: () => Promise<void>, word: (code: ErrorCode) => string) {
  let busy = $state(false)
  return {
    get busy() { return busy },
    /** Gives what `what` gives, undefined when it was refused. */
    async act<T>(what: () => Promise<T>, refused = word): Promise<T | undefined> {
      busy = true
      try {
        const result = await what()
        await look()
        return result
      } catch (error) {
        toast(refused(codeOf(error)), 'bad')
        return undefined
      } finally {
        busy = false
      }
    },
  }
}
