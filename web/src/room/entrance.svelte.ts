import { api, codeOf, type ErrorCode } from '../api/client'
import type { RoomSummary, SceneInfo } from '../api/types'
import { ownIdentity } from '../audience/identity'
import type { Move } from '../audience/protocol'
import { awayOf, type Away } from '../groups/away'
import { readdress } from '../leaving'
import { Preview } from '../media/preview.svelte'
import { recall, recentRooms, remember, rememberRoom } from '../remember'
import { keyInFragment, roomPath } from '../router'
import type { Wish } from './sending.svelte'
import type { RoomSession } from './session.svelte'
import type { Over } from './view'

/**
 * The way into a room, from there into its groups, and back: who may come in and with which key, the devices before joining, and the stay
 * that it leads to. It ends with `close`, which also ends the stay.
 */
export class Entrance {
  readonly preview = new Preview()
  summary = $state.raw<RoomSummary>()
  /** The scene, but of a plain room. */
  scene = $state.raw<SceneInfo>()
  credential = $state.raw<{ key: string }>({ key: '' })
  /** The key in the address. */
  inAddress = $state('')
  host = $state(false)
  refused = $state<Over>()
  trouble = $state<ErrorCode>()
  joining = $state(false)
  comingBack = $state(false)
  /** The group whose room this person is in, instead of the main one; and whether they are on the way there or back. */
  away = $state.raw<Away>()
  moving = $state(false)
  session = $state.raw<RoomSession>()

  #load: () => Promise<unknown>
  /** Counts the ways in that were begun: one that finds another begun after it, or all of it closed, does nothing any more. */
  #way = 0
  #closed = false
  /** What stands in the address bar while this person is inside. */
  #address = ''

  /** `load` fetches what shows the room, when it is known what kind of room it is. */
  constructor(readonly room: string, load: () => Promise<unknown>) {
    this.#load = load
  }

  /** Guests come to listen, and are let up later. */
  get listens(): boolean {
    return !this.host && this.scene?.arrivals === 'audience'
  }

  /** Comes to the door, with the key that is in the address now. */
  knock() {
    return this.#arrive()
  }

  /** Comes in as before, or asks at the door where something stands in the way. */
  again() {
    return this.#arrive(this.session?.sent)
  }

  /** Asks at the door anew, as whoever holds the key that is in the address now. */
  anew() {
    this.summary = undefined
    this.credential = { key: '' }
    return this.#arrive()
  }

  /** Comes to the door, and goes in at once where it is said what is to be sent there. */
  async #arrive(wish?: Wish) {
    const way = ++this.#way
    this.preview.stop()
    this.session = this.away = undefined
    this.#address = ''
    this.joining = this.moving = false
    this.comingBack = wish !== undefined
    if ((await this.#ask(way)) && wish) await this.#enter(way, recall('name'), { wish })
    if (way !== this.#way) return
    this.comingBack = false
    if (!this.session && !this.refused && this.summary && !this.listens) void this.preview.start()
  }

  /** Finds out who may come in, before anybody is asked for a camera and a name. Tells whether this person may. */
  async #ask(way: number): Promise<boolean> {
    this.inAddress = keyInFragment(location.hash)
    const known = recentRooms().find((r) => r.room === this.room)
    // A host's key goes before a guest's in the address, which the page itself puts there.
    const keys = [known?.host ? known.key : '', this.credential.key, this.inAddress, known?.key ?? ''].filter((key) => key !== '')
    this.refused = this.trouble = undefined
    try {
      const [found, opened] = await Promise.all([api.room(this.room, { key: '' }), this.#tryKeys([...new Set(keys)])])
      const scene = found.scene === 'room' ? undefined : await api.scene(found.scene)
      if (way !== this.#way) return false
      this.scene = scene
      this.summary = found
      this.credential = { key: opened.key }
      this.host = opened.host
      this.refused = opened.refused && !found.exists ? 'missing' : opened.refused
      return !this.refused
    } catch (error) {
      if (way === this.#way) this.#fail(error)
      return false
    }
  }

  /** The first key that opens the room, or none where none is needed; and why the first did not where nothing does. */
  async #tryKeys(keys: string[]): Promise<{ key: string; host: boolean; refused: Over | undefined }> {
    let refused: Over | undefined
    for (const key of [...keys, '']) {
      try {
        const { role } = await api.join(this.room, { name: '' }, { key })
        return { key, host: role === 'host', refused: undefined }
      } catch (error) {
        const code = codeOf(error)
        if (code !== 'unauthorized' && code !== 'forbidden' && code !== 'expired') throw error
        refused ??= refusalOf(code, key)
      }
    }
    return { key: '', host: false, refused }
  }

  #fail(error: unknown) {
    const code = codeOf(error)
    this.refused = refusalOf(code, this.credential.key)
    // Who is turned away sees nothing of their devices, and must not be left with them on.
    if (this.refused) this.preview.stop()
    else this.trouble = code
  }

  join(name: string, withDevices: boolean) {
    return this.#enter(++this.#way, name, { withDevices })
  }

  /** Gives up joining. */
  cancel() {
    this.#way++
    this.joining = false
  }

  /** Goes in with the devices of the preview, or with what is to be sent. */
  async #enter(way: number, name: string, { withDevices, wish }: { withDevices?: boolean; wish?: Wish }) {
    this.joining = true
    this.trouble = undefined
    remember('name', name)
    const { room, credential, scene, summary } = this
    try {
      const identity = ownIdentity(room)
      const [admission, { RoomSession }] = await Promise.all([api.join(room, { name, identity }, credential), import('./session.svelte'), this.#load()])
      if (way !== this.#way) return
      const tracks = withDevices ? this.preview.handOver() : {}
      this.preview.stop()
      this.session = new RoomSession({
        room, title: summary?.title || room, publicWatch: summary?.publicWatch ?? true, name, identity, credential, admission, wish,
        music: scene?.audio === 'music', codecs: scene?.codecs, ...tracks,
      })
      rememberRoom({ room, title: summary?.title ?? '', key: credential.key, host: admission.role === 'host', at: Date.now() })
      void this.#shareableAddress(admission.role === 'host')
    } catch (error) {
      if (way !== this.#way) return
      this.#fail(error)
    }
    this.joining = false
  }

  /** People share what stands in the address bar: a host's must be the guests' invitation, and anybody else's is what let them in. */
  async #shareableAddress(host: boolean) {
    const { credential } = this
    let { key } = credential
    if (host && key !== '') {
      // Better an address without a key than one with the host's.
      this.#address = roomPath(this.room)
      this.keepAddress()
      key = this.summary?.access === 'open' ? '' : await api.keys(this.room, credential).then(({ guest }) => guest, () => '')
    }
    if (this.#closed || credential !== this.credential) return
    this.#address = roomPath(this.room, key)
    this.keepAddress()
  }

  /** Puts back into the address bar what whoever is inside may share. */
  keepAddress() {
    if (this.#address !== '') readdress(this.#address)
  }

  /** Goes into the room of a group, or back into the main one, and sends there what was sent here. */
  async move(to: Move) {
    if (!this.session || this.moving) return
    const way = ++this.#way
    this.moving = true
    const before = this.session
    await before.leave()
    const wish = before.sent
    const next = awayOf(to)
    const { room, credential, scene, summary } = this
    try {
      const name = recall('name')
      const identity = ownIdentity(room)
      const admission = next
        ? { token: next.token, url: location.origin.replace(/^http/, 'ws'), identity: '', role: before.role, room: next.room }
        : await api.join(room, { name, identity }, credential)
      const { RoomSession } = await import('./session.svelte')
      if (way !== this.#way) return
      this.session = new RoomSession({
        room: next?.room ?? room, title: summary?.title || room, publicWatch: summary?.publicWatch ?? true, name, identity,
        credential: next ? { token: next.token } : credential, admission, wish, music: scene?.audio === 'music', codecs: scene?.codecs, ...(next ? { admit: async () => admission } : {}),
      })
      this.away = next
      this.moving = false
    } catch {
      // By the front door, then.
      if (way === this.#way) await this.#arrive(wish)
    }
  }

  close() {
    this.#way++
    this.#closed = true
    this.preview.stop()
    void this.session?.leave()
  }
}

function refusalOf(code: ErrorCode, key: string): Over | undefined {
  switch (code) {
    case 'unauthorized':
    case 'forbidden': return key === '' ? 'locked' : 'wrongLink'
    case 'expired':
    case 'full': return code
    case 'bad_name':
    case 'not_found': return 'missing'
    default: return undefined
  }
}
