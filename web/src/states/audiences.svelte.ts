import type { AudienceRole, ChatMessage, Feature, PK, Poll, Scene, Seat, StageState, You } from '../audience/protocol'
import { emptyState, type AudienceState, type Bar } from '../audience/state'
import type { AudienceView, Passing } from '../audience/view'
import { language } from '../i18n/index.svelte'

const names = {
  en: ['Ada Lovelace', 'Grace', 'Linus T.', 'Hedy Lamarr', 'Alan', 'Margaret Hamilton', 'Ken', 'Barbara', 'Frances'],
  zh: ['林晓雨', '王小明', '陈静', '赵一鸣', '周末', '欧阳倩', '李雷', '韩梅梅', '方圆'],
}
const lines = {
  en: [
    'First time here, love it!', 'Which song comes next?', 'The sound is so clear tonight', 'Greetings from Lisbon 👋',
    'Could you play the one from last week again? I missed the beginning and my friends keep talking about it.', 'Ready for the duet!', '❤️❤️❤️',
  ],
  zh: [
    '第一次来，太好听了！', '下一首唱什么？', '今晚的声音好清楚', '成都的朋友报到 👋',
    '能不能再唱一遍上周那首？我错过了开头，朋友们一直在说有多好听。', '准备好合唱了！', '❤️❤️❤️',
  ],
}

export interface AudienceWish {
  role?: AudienceRole
  name?: string
  position?: number
  silenced?: boolean
  barred?: Bar
  seats?: 'some' | 'none' | 'full'
  hands?: number
  sanctions?: boolean
  chat?: boolean
  slow?: number
  wait?: number
  announcement?: boolean
  poll?: 'open' | 'voted' | 'closed'
  pk?: PK['state']
  invitation?: boolean
  landscape?: boolean
  connected?: boolean
  off?: Feature[]
  scene?: string
}

/** A made-up channel that answers nothing; what is said in it stays here. */
export class DrawnAudience implements AudienceView {
  state = $state.raw<AudienceState>(emptyState('demo'))
  readonly known = true
  readonly connected: boolean
  readonly wait: number
  readonly voted: Record<string, number[]>
  #listeners = new Set<(passing: Passing) => void>()

  constructor(wish: AudienceWish = {}) {
    const list = names[language()]
    const zh = language() === 'zh'
    const role = wish.role ?? 'audience'
    this.connected = wish.connected ?? true
    this.wait = wish.wait ?? 0
    this.voted = wish.poll === 'voted' ? { p1: [1] } : {}
    const host = { identity: 'host-1', name: list[0]!, connected: true }
    const me = role === 'host' ? host : { identity: 'viewer-me', name: wish.name ?? list[8]! }
    const seats: Seat[] = Array.from({ length: 8 }, (_, i) => ({ n: i + 1, state: 'open' }))
    const sit = (n: number, who: number, change: Partial<NonNullable<Seat['who']>> = {}) => {
      seats[n - 1]!.who = { identity: `guest-${who}`, name: list[who]!, role: 'speaker', connected: true, camera: true, microphone: true, ...change }
    }
    if (wish.seats !== 'none') {
      sit(1, 1, { role: 'cohost' })
      sit(2, 2, { muted: true })
      sit(4, 3, { connected: false })
      seats[4] = { n: 5, state: 'reserved', for: 'x' }
      seats[6] = { n: 7, state: 'locked' }
    }
    if (role === 'speaker') seats[2]!.who = { ...me, role: 'speaker', connected: true, camera: true, microphone: true }
    const queue = Array.from({ length: wish.hands ?? 0 }, (_, i) => ({
      identity: `viewer-${i}`, name: list[4 + i]!, at: new Date(Date.UTC(2026, 0, 1, 12, i)).toISOString(),
      ...(i === 1 ? { note: zh ? '想合唱副歌' : 'I would like to sing the chorus' } : {}),
    }))
    const stage: StageState = { seats, host, cohosts: [{ identity: 'guest-1', name: list[1]! }], queueLength: queue.length, ...(role === 'host' ? { queue } : {}) }
    if (wish.sanctions) {
      stage.silenced = [{ identity: 'viewer-4', name: list[6]!, until: new Date(Date.UTC(2026, 0, 1, 12, 40)).toISOString() }]
      stage.banned = [{ identity: 'viewer-5', name: list[7]! }]
    }
    const you: You = {
      ...me, role, ...(wish.position ? { position: wish.position } : {}), ...(wish.silenced ? { silenced: true } : {}), ...(role === 'speaker' ? { seat: 3 } : {}),
    }
    const features: Scene['features'] = { chat: true, danmaku: true, likes: true, gifts: true, polls: true, pk: true }
    for (const feature of wish.off ?? []) features[feature] = false
    const roles: AudienceRole[] = ['audience', 'host', 'audience', 'cohost', 'audience', 'speaker', 'audience']
    const messages: ChatMessage[] = (wish.chat === false ? [] : lines[language()]).map((text, i) => ({
      id: String(i), at: new Date(Date.UTC(2026, 0, 1, 12, i)).toISOString(), text,
      from: { identity: roles[i] === 'host' ? 'host-1' : `viewer-${i}`, name: roles[i] === 'host' ? list[0]! : list[(i + 4) % list.length]!, role: roles[i]! },
    }))
    const poll: Poll = {
      id: 'p1', question: zh ? '下一首唱哪首？' : 'Which song next?', multiple: false, open: wish.poll !== 'closed', voters: 86,
      options: (zh ? ['晴天', '海阔天空', '小幸运'] : ['Yesterday', 'Hallelujah', 'Fields of Gold']).map((text, i) => ({ text, votes: [23, 48, 15][i]! })),
    }
    this.state = {
      ...emptyState('demo'),
      you,
      room: { name: 'demo', title: zh ? '周五音乐夜' : 'Friday music night' },
      scene: {
        name: wish.scene ?? 'show', title: { en: 'Show', zh: '直播' }, seats: { count: 8, request: true, invite: true, claim: false },
        orientation: wish.landscape ? 'landscape' : 'portrait', layout: 'grid', audio: 'speech', features,
      },
      stage,
      live: { on: true },
      counts: { viewers: 128, likes: 3204 },
      messages,
      said: messages.length,
      slow: wish.slow ?? 0,
      announcement: wish.announcement ? { text: zh ? '今晚九点抽奖，三位观众上麦合唱。' : 'At nine we draw three viewers for the duet.' } : undefined,
      polls: wish.poll ? [poll] : [],
      pk: wish.pk
        ? {
            state: wish.pk, with: { room: 'jazz', title: zh ? '爵士客厅' : 'Jazz lounge', host: zh ? '沈夜' : 'Ella', ...(wish.role === 'host' ? { recorded: true } : {}) }, scores: { us: 1280, them: 944 },
            until: new Date(Date.now() + 187_000).toISOString(), ...(wish.pk === 'over' ? { result: 'won' as const } : {}),
          }
        : undefined,
      invitation: wish.invitation ? { by: list[0]!, seat: 3 } : undefined,
      barred: wish.barred ? { why: wish.barred } : undefined,
    }
    if (wish.name === '') this.state = { ...this.state, you: { ...this.state.you, name: '' } }
  }

  has(feature: Feature) {
    return this.state.scene?.features[feature] === true
  }
  async do() {
    return true
  }
  async ask() {
    return {}
  }
  async vote() {
    return true
  }
  setName() {
    return Promise.resolve(true)
  }
  like() {
    for (const listener of this.#listeners) listener({ kind: 'likes', count: 1 })
  }
  async say(text: string, danmaku = false) {
    const { you, messages } = this.state
    const message: ChatMessage = { id: String(messages.length), at: new Date().toISOString(), from: { ...you }, text, danmaku }
    this.state = { ...this.state, messages: [...messages, message], said: this.state.said + 1 }
    if (danmaku) for (const listener of this.#listeners) listener({ kind: 'danmaku', id: message.id, text, color: undefined, own: true })
    return true
  }
  onpassing(listener: (passing: Passing) => void) {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
