import { api, codeOf, type ErrorCode } from '../api/client'
import type { RoomSummary } from '../api/types'
import { ownIdentity } from '../audience/identity'
import { t } from '../i18n/index.svelte'
import { readdress } from '../leaving'
import { LocalDevices } from '../media/local.svelte'
import { off, Preview } from '../media/preview.svelte'
import { recall, recentRooms, remember, rememberRoom } from '../remember'
import { callPath, keyInFragment } from '../router'
import { callUrl, type Joined, type WireMember } from './protocol'
import { overOf } from './refusals'
import { CallSession } from './session.svelte'
import { CallSignal, type EndCode } from './signal'
import type { CallOver } from './view'

/** How long the door may take to answer, in ms: where nothing comes of it, as behind a proxy without WebSockets, that is said. */
const patience = 15_000

/**
 * The way into a call: the door with each key there is, being rung or preparing, the devices, and the session that it leads to. It ends
 * with `close`, which also ends the session.
 */
export class Entrance {
  readonly preview = new Preview()
  summary = $state.raw<RoomSummary>()
  trouble = $state<ErrorCode>()
  over = $state<CallOver>()
  nameRefused = $state(false)
  caller = $state<{ id: string; name: string }>()
  step = $state<'looking' | 'ringing' | 'prepare'>('looking')
  inside = $state.raw<WireMember[]>([])
  host = $state(false)
  joining = $state(false)
  session = $state.raw<CallSession>()
  /** What follows the origin in the link for whoever should come. */
  address = $state('')

  #entered: (session: CallSession) => void
  /** The session's, once there is one. */
  #signal: CallSignal | undefined
  #local: LocalDevices | undefined
  /** Keys that are still to be tried, the best first. */
  #keys: string[] = []
  #key = ''
  #refusedBy: EndCode | undefined
  #silence: ReturnType<typeof setTimeout> | undefined
  /** Counts the ways in that were begun or left: one that finds another one does nothing any more. */
  #way = 0

  /** `entered` is called with each session, before it is shown. */
  constructor(readonly room: string, entered: (session: CallSession) => void) {
    this.#entered = entered
  }

  /** Opens the door without entering: whoever is in the call calls us. */
  async knock() {
    const way = ++this.#way
    const known = recentRooms().find((r) => r.room === this.room)
    // A host's key goes before a guest's in the address, which the page itself puts there.
    const keys = [...new Set([known?.host ? known.key : '', keyInFragment(location.hash), known?.key ?? ''].filter((k) => k !== '')), '']
    this.over = this.trouble = this.caller = undefined
    this.step = 'looking'
    this.joining = false
    try {
      const summary = await api.room(this.room, { key: keys[0] ?? '' })
      if (way !== this.#way) return
      this.summary = summary
    } catch (error) {
      if (way !== this.#way) return
      const code = codeOf(error)
      if (code === 'bad_name' || code === 'not_found') this.over = 'missing'
      else if (code === 'offline' || code === 'unavailable' || code === 'internal') this.trouble = code
      // The door says it better than a summary could.
    }
    this.#keys = keys
    if (!this.over && !this.trouble) this.#visit()
  }

  #visit() {
    this.#key = this.#keys.shift() ?? ''
    this.#signal?.close()
    const signal = new CallSignal({
      url: callUrl(location.origin, this.room), enter: 'visit', who: { name: recall('name'), key: this.#key, identity: ownIdentity(this.room) },
    })
    this.#signal = signal
    this.#await()
    signal.onvisiting = (visiting) => {
      if (!this.joining) clearTimeout(this.#silence)
      this.inside = visiting.members
      this.host = visiting.role === 'host'
      // Whoever was inside a moment ago and whoever made the call come by themselves.
      if (this.step === 'looking') this.prepare()
    }
    signal.onresumed = (resumed) => {
      if (resumed.path) void this.#enter({ ...resumed, type: 'joined', session: '', resumeWithin: 0, path: resumed.path })
    }
    signal.onjoined = (joined) => void this.#enter(joined)
    signal.onmessage = (message) => {
      switch (message.type) {
        case 'ring':
          if (!this.joining && !cameBack(this.room)) {
            this.caller = { id: message.from, name: message.name }
            this.preview.stop()
            this.step = 'ringing'
          }
          break
        case 'ringEnd':
          if (this.step === 'ringing' && !this.joining) {
            this.over = 'missed'
            signal.leave()
          }
          break
        case 'member':
          this.inside = [...this.inside.filter((m) => m.id !== message.member.id), message.member]
          break
        case 'gone':
          this.inside = this.inside.filter((m) => m.id !== message.id)
      }
    }
    signal.onerror = (code, of) => {
      if (code === 'not_allowed' && of === 'accept') this.#withoutName()
    }
    signal.onend = (code) => this.#refused(code)
  }

  #refused(code: EndCode) {
    if (code === 'not_allowed') return this.#withoutName()
    clearTimeout(this.#silence)
    // What was handed over for the call is asked for anew.
    if (this.joining) this.step = 'looking'
    this.joining = false
    this.#giveUpDevices()
    const wrongKey = code === 'unauthorized' || code === 'forbidden' || code === 'expired'
    if (wrongKey && this.#keys.length > 0) {
      // What the best key was refused with says most.
      this.#refusedBy ??= code
      this.#visit()
      return
    }
    const why = wrongKey ? (this.#refusedBy ?? code) : code
    this.over = why === 'unauthorized' && this.#key === '' && keyInFragment(location.hash) ? 'wrongLink' : overOf(why)
    this.#refusedBy = undefined
    this.preview.stop()
  }

  /** The name is not taken: comes to the door without one, and asks for another. */
  #withoutName() {
    remember('name', '')
    this.nameRefused = true
    this.joining = false
    this.#giveUpDevices()
    this.#keys.unshift(this.#key)
    this.#visit()
    this.prepare()
  }

  prepare() {
    this.step = 'prepare'
    void this.preview.start()
  }

  join(name: string, withDevices: boolean) {
    this.nameRefused = false
    this.#accept(name, new LocalDevices(withDevices ? this.preview.handOver() : {}))
    this.preview.stop()
  }

  /** Accepts the call that rings. Camera and microphone are asked for while the call is entered. */
  accept(name: string, camera: boolean) {
    const local = new LocalDevices()
    if (recall('microphone') !== off) void local.setMicrophone(true)
    if (camera && recall('camera') !== off) void local.setCamera(true)
    this.#accept(name, local)
  }

  #accept(name: string, local: LocalDevices) {
    this.joining = true
    remember('name', name)
    this.#local = local
    this.#signal?.send({ type: 'accept', name, room: true })
    this.#await()
  }

  /** Waits for the door's answer, and no longer than it has patience. */
  #await() {
    clearTimeout(this.#silence)
    this.#silence = setTimeout(() => {
      this.#leave()
      this.trouble = 'unavailable'
    }, patience)
  }

  decline(name: string, text: string) {
    this.#signal?.send({ type: 'decline', ...(name ? { name } : {}), ...(text ? { text } : {}) })
    this.#signal?.close()
    this.over = 'declined'
  }

  async #enter(joined: Joined) {
    const [signal, local] = [this.#signal, this.#local]
    if (!signal || !local) return
    clearTimeout(this.#silence)
    this.#signal = this.#local = undefined
    const session = new CallSession({ room: this.room, name: joined.name, signal, joined, local })
    this.#entered(session)
    this.session = session
    this.joining = false
    noteStay(this.room)
    rememberRoom({ room: this.room, title: joined.title || t().call.title, key: this.#key, host: joined.role === 'host', at: Date.now(), call: true })
    await this.#shareableAddress(session, joined.role === 'host')
  }

  /** People share what stands in the address bar: a host's must be the guests' link, and anybody else's is what let them in. */
  async #shareableAddress(session: CallSession, host: boolean) {
    const key = this.#key
    let shared = key
    if (host && key !== '') {
      // Better an address without a key than one with the host's.
      this.address = callPath(this.room)
      this.keepAddress()
      shared = this.summary?.access === 'open' ? '' : await api.keys(this.room, { key }).then(({ guest }) => guest, () => '')
    }
    if (this.session !== session) return
    this.address = callPath(this.room, shared)
    this.keepAddress()
  }

  /** Puts back into the address bar what whoever is inside may share. */
  keepAddress() {
    readdress(this.address)
  }

  /** Leaves whatever there is, and comes to the door anew. */
  again() {
    this.#leave()
    void this.knock()
  }

  close() {
    this.#leave()
  }

  #leave() {
    this.#way++
    clearTimeout(this.#silence)
    this.preview.stop()
    void this.session?.leave()
    this.#signal?.leave()
    this.#giveUpDevices()
    this.session = this.#signal = undefined
  }

  /** Ends devices that did not come into a call. */
  #giveUpDevices() {
    this.#local?.stop()
    this.#local = undefined
  }
}

/** This browser was in the call a moment ago: a reload is not rung. */
function cameBack(room: string): boolean {
  try {
    return sessionStorage.getItem(`tutti.call.${room}`) !== null
  } catch {
    return false
  }
}

function noteStay(room: string) {
  try {
    sessionStorage.setItem(`tutti.call.${room}`, '1')
  } catch {
    // A reload rings, then.
  }
}

/** The stay has ended: who comes again is rung. */
export function forgetStay(room: string) {
  try {
    sessionStorage.removeItem(`tutti.call.${room}`)
  } catch {
    // Nothing was kept either.
  }
}
