import type { Keys, LiveOn, LiveStatus, Role } from '../api/types'
import { language } from '../i18n/index.svelte'
import { reactions } from '../room/reactions.svelte'
import type { ChatMessage, Me, Over, Person, RoomView, Tile } from '../room/view'
import { DrawnPicture } from './pictures'
import { drawnStatistics } from './stats'

const names = {
  en: ['Ada Lovelace', 'Grace', 'Linus T.', 'Hedy Lamarr', 'Alan', 'Margaret Hamilton', 'Ken', 'Barbara', 'OBS'],
  zh: ['林晓雨', '王小明', '陈静', '赵一鸣', '周末', '欧阳倩', '李雷', '韩梅梅', 'OBS'],
}

const lines = {
  en: ['Hello everyone 👋', 'The songs are at https://tutti.example/songs?of=friday.', 'Loud and clear!', 'Shall we start with the new song?', 'Yes, and then the questions from the chat.'],
  zh: ['大家好 👋', '歌单在 https://tutti.example/songs?of=friday，先看看。', '很清楚！', '要不先唱新歌？', '好，然后回答聊天里的问题。'],
}

export const keys: Keys = { host: 'H0st_k3y-1', guest: 'gu3st_K3y-2', watch: 'w4tch_K3y-3', publish: 'publ1sh_K3y-4' }

export function liveNow(change: Partial<LiveOn> = {}): LiveOn {
  return {
    on: true,
    since: new Date(Date.now() - 754_000).toISOString(),
    title: language() === 'zh' ? '周五音乐夜' : 'Friday music night',
    viewers: 128,
    viewersByProtocol: { whep: 96, flv: 20, hls: 12 },
    peakViewers: 204,
    video: { codec: 'h264', width: 1280, height: 720, fps: 30, bitrate: 2_300_000 },
    audio: { codec: 'opus', bitrate: 96_000 },
    sources: [
      {
        identity: 'host-1', name: names[language()][0]!, kind: 'person',
        tracks: [
          { sid: 'TR_camera0', kind: 'video', codec: 'h264', width: 1280, height: 720, fps: 30, bitrate: 2_300_000, shown: true },
          { sid: 'TR_mic0', kind: 'audio', codec: 'opus', bitrate: 48_000 },
        ],
      },
    ],
    warnings: [],
    play: { whep: '/whep/demo', flv: '/live/demo.flv', hls: '/live/demo/index.m3u8' },
    ...change,
  }
}

interface Wish {
  people?: number
  role?: Role
  phase?: RoomView['phase']
  live?: LiveStatus
  screen?: boolean
  sharing?: boolean
  listening?: boolean
  weak?: boolean
  soundBlocked?: boolean
  ingest?: boolean
  chat?: boolean
  upright?: boolean
  title?: string
  /** What people show in passing: the first three, and one who is not seen. */
  reacting?: boolean
  /** The roles of the people in a scene with a stage, in their order. */
  roles?: string[]
}

/** A made-up room that answers nothing. */
export class DrawnRoom implements RoomView {
  readonly room = 'demo'
  readonly title: string
  readonly role: Role
  readonly phase: RoomView['phase']
  readonly over: Over = 'left'
  readonly secondsLeft = 42
  readonly codec = 'h264'
  readonly people: Person[]
  readonly tiles: Tile[]
  readonly me: Me
  messages = $state.raw<ChatMessage[]>([])
  readonly said = $derived(this.messages.length)
  readonly soundBlocked: boolean
  readonly live: LiveStatus | undefined
  readonly keys: Keys | undefined
  readonly mayPublish: boolean
  readonly waits = false
  readonly publicWatch = true
  readonly noiseSuppression = true
  readonly microphone = undefined
  readonly otherSide: RoomView['otherSide']
  readonly reactions: RoomView['reactions']
  readonly statistics = drawnStatistics('server', 'host-1', 'guest-1')

  constructor(wish: Wish = {}) {
    const {
      people = 4, role = 'host', phase = 'connected', live = { on: false }, screen = false, sharing = false, listening = false, weak = false,
      soundBlocked = false, ingest = false, chat = false, upright = false, title, roles = [], reacting = false,
    } = wish
    const list = names[language()]
    this.title = title ?? (language() === 'zh' ? '周五音乐夜' : 'Friday music night')
    this.role = role
    this.phase = phase
    this.live = live
    this.soundBlocked = soundBlocked
    this.mayPublish = !listening
    this.otherSide = upright ? 'environment' : undefined
    this.keys = role === 'host' ? keys : undefined
    this.people = Array.from({ length: people }, (_, i) => ({
      identity: i === 0 ? 'host-1' : `guest-${i}`,
      name: ingest && i === people - 1 ? 'OBS' : (list[i % list.length] ?? ''),
      local: i === 0,
      host: i === 0 && role === 'host',
      ingest: ingest && i === people - 1,
      role: roles[i] ?? '',
      microphone: !(listening && i === 0) && i !== 2 && roles[i] !== 'audience',
      camera: !(listening && i === 0) && i !== 3 && roles[i] !== 'audience',
      speaking: i === 1,
      quality: weak && i < 2 ? 'weak' : 'good',
      microphoneSid: `TR_mic${i}`,
    }))
    this.tiles = this.people.map((person, i) => ({
      id: `${person.identity}/camera`,
      person,
      kind: 'camera' as const,
      picture: person.camera ? new DrawnPicture('person', 200 + i * 47, upright && i === 1 ? 720 : 1280, upright && i === 1 ? 1280 : 720) : undefined,
      sid: person.camera ? `TR_camera${i}` : '',
      mirrored: person.local,
      width: 1280,
      height: 720,
    }))
    if (screen) {
      this.tiles.push({
        id: 'guest-1/screen', person: this.people[1]!, kind: 'screen', picture: new DrawnPicture('screen', 0),
        sid: 'TR_screen', mirrored: false, width: 1920, height: 1080,
      })
    }
    if (sharing) {
      this.tiles.push({
        id: 'host-1/screen', person: this.people[0]!, kind: 'screen', picture: new DrawnPicture('screen', 0),
        sid: 'TR_own', mirrored: false, width: 1920, height: 1080,
      })
    }
    const shown = [...this.people.slice(0, 3), { identity: 'unseen', name: list[5]! }].map(({ identity, name }, i) => ({ id: i + 1, identity, name, reaction: reactions[i]! }))
    this.reactions = { list: reacting ? shown : [], last: reacting ? shown[1] : undefined, may: true, react() {} }
    this.me = {
      microphone: !listening, camera: !listening, screen: sharing,
      busy: { microphone: false, camera: false, screen: false }, quality: weak ? 'weak' : 'good',
    }
    if (chat) {
      this.messages = lines[language()].map((text, i) => ({
        id: String(i), from: list[(i + 1) % 3]!, identity: i % 3 === 2 ? 'host-1' : `guest-${i % 2}`, own: i % 3 === 2, text,
        at: Date.UTC(2026, 0, 1, 12, i),
      }))
    }
  }

  async toggleMicrophone() {}
  async toggleCamera() {}
  async turnCamera() {}
  async toggleScreen() {}
  async startSound() {}
  async useDevice() {}
  async setNoiseSuppression() {}
  async muteOther() {}
  async removeOther() {}
  async goLive() {}
  async show() {}
  async leave() {}
  deviceInUse() {
    return ''
  }
  async endLive() {
    return { duration: 754, peakViewers: 204, since: '' }
  }
  async say(text: string) {
    this.messages = [...this.messages, { id: String(this.messages.length), from: this.people[0]!.name, identity: 'host-1', own: true, text, at: Date.now() }]
  }
}
