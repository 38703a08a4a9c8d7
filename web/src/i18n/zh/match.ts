import type { match as english } from '../en/match'

/** 相亲房间的文字。 */
export const match: typeof english = {
  waiting: '红娘还没来',
  waitingText: '红娘一到，你就能看到和听到现场；想上台可以随时申请。',
}
