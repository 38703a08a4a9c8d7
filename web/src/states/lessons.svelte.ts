import type { AudienceRole, Feature, Groups, Poll, RollCall } from '../audience/protocol'
import { emptyState, type AudienceState } from '../audience/state'
import type { AudienceView } from '../audience/view'
import type { Asked, RollView, Stay } from '../class/view'
import { language } from '../i18n/index.svelte'

const names = {
  en: ['Ms Lovelace', 'Grace', 'Linus', 'Hedy', 'Alan', 'Margaret'],
  zh: ['林老师', '王小明', '陈静', '赵一鸣', '周末', '欧阳倩'],
}

interface Wish {
  role?: AudienceRole
  hands?: number
  position?: number
  poll?: boolean
  invitation?: boolean
  features?: Feature[]
  scene?: string
  seats?: number
  waiting?: number
  locked?: boolean
  groups?: 'planned' | 'open' | 'closing' | 'side'
  announcement?: boolean
}

/** Groups that nobody is in, as they look nine minutes and 41 seconds before their end. */
function drawnGroups(state: NonNullable<Wish['groups']>): Groups {
  const list = names[language()]
  const person = (i: number, here = state !== 'planned') => ({ identity: i === 0 ? 'guest-0' : `s${i}`, name: list[i]!, here })
  const until = new Date(Date.now() + (state === 'closing' ? 24_000 : 581_000)).toISOString()
  if (state === 'side') return { state: 'open', kind: 'side', until, groups: [{ n: 1, name: '', people: [person(2), person(3)] }] }
  return {
    state, kind: 'groups', late: true, ...(state === 'planned' ? {} : { until }), unassigned: [{ identity: 's5', name: list[5]! }],
    groups: [{ n: 1, name: '', people: [person(1), person(2)] }, { n: 2, name: '', people: [person(3), person(4, false)] }, { n: 3, name: '', people: [] }],
  }
}

/** A class's channel that answers nothing. */
export class DrawnLesson implements AudienceView {
  readonly state: AudienceState
  readonly known = true
  readonly connected = true
  readonly wait = 0
  readonly voted = {}

  constructor({ role = 'host', hands = 0, position = 0, poll = false, invitation = false, features, scene = 'class', seats = 6, waiting = 0, locked = false, groups, announcement = false }: Wish = {}) {
    const list = names[language()]
    const zh = language() === 'zh'
    const at = (i: number) => new Date(Date.UTC(2026, 0, 1, 9, i)).toISOString()
    const asked: Poll = {
      id: 'p1', question: zh ? '抛物线的顶点在哪里？' : 'Where is the vertex of the parabola?', multiple: false, open: true, voters: 22,
      options: ['(0, −4)', '(0, 4)', '(2, 0)'].map((text, i) => ({ text, votes: [15, 5, 2][i]! })),
    }
    const all: Feature[] = features ?? ['chat', 'polls', 'whiteboard', 'rollcall', 'lock', 'waitingRoom']
    this.state = {
      ...emptyState('demo'),
      you: { identity: role === 'host' ? 'host-1' : 'guest-0', name: list[role === 'host' ? 0 : 1]!, role, ...(position ? { position } : {}) },
      scene: {
        name: scene, title: { en: 'Class', zh: '课堂' }, seats: { count: seats, request: true, invite: true, claim: false }, orientation: 'landscape',
        features: Object.fromEntries(all.map((feature) => [feature, true])),
      },
      stage: {
        seats: Array.from({ length: seats }, (_, i) => i + 1).map((n) =>
          n === 1 ? { n, state: 'open', who: { identity: 'guest-1', name: list[1]!, role: 'speaker', connected: true, camera: true, microphone: true } } : { n, state: 'open' },
        ),
        host: { identity: 'host-1', name: list[0]!, connected: true }, cohosts: [], queueLength: hands, locked, waitingRoom: waiting > 0, waitingLength: waiting,
        waiting: Array.from({ length: waiting }, (_, i) => ({ identity: `w${i}`, name: list[i + 3]!, since: at(i) })),
        ...(role === 'host' ? { queue: Array.from({ length: hands }, (_, i) => ({ identity: `s${i}`, name: list[i + 2]!, at: at(i) })) } : {}),
      },
      messages: (zh ? ['老师好！', '顶点就是最低点吗？', '对，所以是 (0, −4)。'] : ['Good morning!', 'Is the vertex the lowest point?', 'Yes, so it is (0, −4).']).map(
        (text, i) => ({ id: String(i), at: at(i), text, from: { identity: `s${i}`, name: list[i + 1]!, role: 'audience' as const } }),
      ),
      said: 3,
      polls: poll ? [asked] : [],
      invitation: invitation ? { by: list[0]! } : undefined,
      groups: groups && drawnGroups(groups),
      announcement: announcement ? { text: zh ? '还有五分钟，请准备好总结。' : 'Five more minutes: get your summary ready.' } : undefined,
    }
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
  async say() {
    return true
  }
  async vote() {
    return true
  }
  like() {}
  setName() {
    return Promise.resolve(true)
  }
  onpassing() {
    return () => {}
  }
}

/** When the made-up roll call is looked at. */
export const rollNow = Date.UTC(2026, 0, 1, 9, 0, 22)

/** A roll call that answers nothing. */
export class DrawnRoll implements RollView {
  readonly call: RollCall | undefined
  readonly asked: Asked[] = []
  readonly stays: Stay[]

  constructor(state: 'none' | 'open' | 'over' = 'none') {
    const list = names[language()].slice(1)
    const begun = Date.UTC(2026, 0, 1, 9)
    const time = (seconds: number) => new Date(begun + seconds * 1000).toISOString()
    if (state !== 'none') {
      this.asked = list.map((name, i) => ({ identity: `s${i}`, name, at: i < 3 ? time(4 + 3 * i) : '' }))
      this.call = { number: 1, begun: time(0), ends: time(60), open: state === 'open', answered: 3, of: 5 }
    }
    this.stays = list.map((name, i) => ({
      identity: `s${i}`, name, first: time(-600 - 40 * i), last: time(i === 4 ? -200 : 20), seconds: i === 4 ? 240 : 620 + 40 * i, here: i !== 4,
    }))
  }

  get asks() {
    return this.call?.open === true
  }
  async begin() {
    return true
  }
  async answer() {
    return true
  }
  async end() {
    return true
  }
  async refresh() {}
}
