import type { CallOver, CallPath, CallTile, CallView, Member, Visitor } from '../call/view'
import { wordsOf } from '../call/words'
import type { FilesView } from '../files/view'
import { language } from '../i18n/index.svelte'
import type { LocalMedia } from '../media/localmedia'
import type { ChatMessage } from '../room/view'
import { DrawnPicture } from './pictures'

const names = { en: ['Ada Lovelace', 'Grace', 'Linus T.', 'Hedy Lamarr'], zh: ['林晓雨', '王小明', '陈静', '赵一鸣'] }
const lines = {
  en: ['Hello! Can you hear me?', 'Loud and clear.', 'Here is the plan: https://tutti.example/plan'],
  zh: ['喂，听得到吗？', '很清楚。', '方案在这里：https://tutti.example/plan'],
}

interface Wish {
  people?: number
  phase?: CallView['phase']
  path?: CallPath
  reason?: CallView['serverReason']
  moving?: boolean
  serverLost?: boolean
  soundBlocked?: boolean
  screen?: boolean
  cameraOff?: boolean
  weak?: boolean
  upright?: boolean
  recorded?: boolean
  chat?: boolean
  visitor?: 'ringing' | 'looking'
  missed?: CallView['missed']
  parted?: boolean
}

/** A made-up call that answers nothing. */
export class DrawnCall implements CallView {
  readonly room = 'tea'
  readonly title: string
  readonly phase: CallView['phase']
  readonly over: CallOver = 'left'
  readonly secondsLeft = 42
  readonly path: CallPath
  readonly serverReason: CallView['serverReason']
  readonly moving: boolean
  readonly serverLost: boolean
  readonly checkWords: string[] | undefined
  readonly checkCode: string | undefined
  readonly members: Member[]
  readonly visitors: Visitor[]
  readonly missed: CallView['missed']
  readonly since: number
  readonly parted: CallView['parted']
  readonly tiles: CallTile[]
  readonly soundBlocked: boolean
  messages = $state.raw<ChatMessage[]>([])
  readonly said = $derived(this.messages.length)

  constructor(wish: Wish = {}) {
    const { people = 2, phase = 'connected', path = 'direct', cameraOff = false, weak = false, upright = false } = wish
    const list = names[language()]
    this.title = language() === 'zh' ? '通话' : 'Call'
    this.phase = phase
    this.path = path
    this.serverReason = path === 'server' || wish.moving ? (wish.reason ?? 'people') : undefined
    this.moving = wish.moving ?? false
    this.serverLost = wish.serverLost ?? false
    this.soundBlocked = wish.soundBlocked ?? false
    const peerToPeer = path === 'direct' || path === 'relay'
    this.checkWords = peerToPeer ? wordsOf([14, 201, 97, 33, 180, 66], language()) : undefined
    this.checkCode = peerToPeer ? '04821 99310 55217' : undefined
    this.visitors = wish.visitor ? [{ id: 'v-1', name: list[1]!, ringing: wish.visitor === 'ringing' }] : []
    this.missed = wish.missed
    this.since = phase === 'connected' || phase === 'reconnecting' ? Date.now() - 754_000 : 0
    this.parted = wish.parted ? { name: list[1]!, seconds: 754 } : undefined
    this.members = Array.from({ length: people }, (_, i) => ({
      id: `guest-${i}`, name: list[i % list.length]!, local: i === 0, present: true, microphone: i !== 2, camera: !(cameraOff && i === 1),
      recording: wish.recorded === true && i === 1,
      speaking: i === 1, quality: weak && i === 1 ? 'weak' : 'good',
    }))
    this.tiles = this.members.map((member, i) => ({
      id: `${member.id}/camera`, member, kind: 'camera', mirrored: member.local,
      picture: member.camera ? new DrawnPicture('person', 200 + i * 47, upright && i === 1 ? 720 : 1280, upright && i === 1 ? 1280 : 720) : undefined,
    }))
    if (wish.screen) {
      this.tiles.push({ id: 'guest-1/screen', member: this.members[1]!, kind: 'screen', picture: new DrawnPicture('screen', 0), mirrored: false })
    }
    if (wish.chat) {
      this.messages = lines[language()].map((text, i) => ({
        id: String(i), from: list[i % 2]!, identity: `guest-${i % 2}`, own: i % 2 === 0, text, at: Date.UTC(2026, 0, 1, 12, i),
      }))
    }
  }

  soundOf() {
    return undefined
  }
  async startSound() {}
  async say() {}
  ring() {}
  useServer() {}
  useDirect() {}
  async leave() {}
}

/** Made-up devices that are on. */
export const drawnLocal = {
  camera: undefined, microphone: undefined, screen: undefined, screenSound: undefined, unfiltered: undefined, otherSide: undefined, microphoneOn: true, cameraOn: true,
  busy: { microphone: false, camera: false, screen: false }, microphoneProblem: undefined, cameraProblem: undefined, screenProblem: undefined,
  filter: 'none', noiseSuppression: true, quality: { height: 720, bitrate: 0 }, cameras: [], microphones: [], speakers: [], onchange: undefined,
  async setMicrophone() {}, async setCamera() {}, async turnCamera() {}, async setScreen() {}, async setFilter() {}, async setNoiseSuppression() {}, async setQuality() {},
  async useDevice() {}, deviceInUse: () => '', stop() {},
} as unknown as LocalMedia

export const noFiles: FilesView = {
  list: [], pending: [], unfinished: [], unsaved: [], offer() {}, accept() {}, refuse() {}, cancel() {}, async save() {}, remove() {},
}
