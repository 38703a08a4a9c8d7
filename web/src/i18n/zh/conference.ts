import type { Dictionary } from '../en'

export const conference: Dictionary['conference'] = {
  waitingTitle: '请稍候，马上就能进入',
  waitingText: (title) => `“${title}”的主持人知道你来了。现在还没有人能看到或听到你。`,
  waitingLeave: '离开',
  door: '入口',
  waits: (n) => `${n} 人在等候进入`,
  waitsNobody: '没有人在等候。',
  admit: '准入',
  admitAll: '全部准入',
  refuse: '拒绝',
  waitingRoom: '等候室',
  waitingRoomText: '来的人先等候，由你准入。',
  lock: '锁定会议',
  lockText: '不再让新的人进来。',
  locked: '会议已锁定。',
}
