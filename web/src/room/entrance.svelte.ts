import { api, codeOf, type ErrorCode } from '../api/client'
import type { RoomSummary, SceneInfo } from '../api/types'
import { ownIdentity } from '../audience/identity'
import type { Move } from '../audience/protocol'
import { awayOf, type Away } from '../groups/away'
import { Preview } from '../media/preview.svelte'
import { recall, recentRooms, remember, rememberRoom } from '../remember'
import { keyInFragment, roomPath } from '../router'
import type { Tracks } from './sending.svelte'
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
  #gone = false
  /** How this person came in the last time: coming back needs no asking again. */
  #before: { name: string; microphone: boolean; camera: boolean } | undefined

  /** `load` fetches what shows the room, when it is known what kind of room it is. */
  constructor(readonly room: string, load: () => Promise<unknown>) {
    this.#load = load
  }

  /** Guests come to listen, and are let up later. */
  get listens(): boolean {
    return !this.host && this.scene?.arrivals === 'audience'
  }

  /** Finds out who may come in, before anybody is asked for a camera and a name. */
  async knock() {
    this.inAddress = keyInFragment(location.hash)
    const known = recentRooms().find((r) => r.room === this.room)
    // A host's key goes before a guest's in the address, which the page itself puts there.
    const keys = [known?.host ? known.key : '', this.credential.key, this.inAddress, known?.key ?? ''].filter((key) => key !== '')
    this.refused = undefined
    this.trouble = undefined
    try {
      const [found] = await Promise.all([api.room(this.room, { key: '' }), this.#tryKeys([...new Set(keys)])])
      this.scene = found.scene === 'room' ? undefined : await api.scene(found.scene)
      this.summary = found
      if (this.refused && !found.exists) this.refused = 'missing'
      if (!this.refused && !this.#gone && !this.listens && (!this.comingBack || this.#before?.microphone || this.#before?.camera)) {
        const started = this.preview.start()
        if (this.comingBack) await started
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Takes the first key that opens the room, or none where none is needed; says why the first did not when nothing does. */
  async #tryKeys(keys: string[]) {
    let why: Over | undefined
    for (const key of [...keys, '']) {
      this.credential = { key }
      try {
        this.host = (await api.join(this.room, { name: '' }, this.credential)).role === 'host'
        return
      } catch (error) {
        const code = codeOf(error)
        if (code === 'unauthorized' || code === 'forbidden' || code === 'expired') {
          why ??= this.#refusalOf(code)
        } else {
          throw error
        }
      }
    }
    this.refused = why
  }

  #fail(error: unknown) {
    const code = codeOf(error)
    this.refused = this.#refusalOf(code)
    if (!this.refused) this.trouble = code
  }

  #refusalOf(code: ErrorCode): Over | undefined {
    switch (code) {
      case 'unauthorized':
      case 'forbidden': return this.credential.key === '' ? 'locked' : 'wrongLink'
      case 'expired':
      case 'full': return code
      case 'bad_name':
      case 'not_found': return 'missing'
      default: return undefined
    }
  }

  async join(name: string, withDevices: boolean) {
    this.joining = true
    this.trouble = undefined
    remember('name', name)
    const { room, credential, scene, summary } = this
    try {
      const identity = ownIdentity(room)
      const [admission, { RoomSession }] = await Promise.all([api.join(room, { name, identity }, credential), import('./session.svelte'), this.#load()])
      if (this.#gone) return
      const tracks = withDevices ? this.preview.handOver() : {}
      if (this.comingBack) {
        // What was off stays off.
        if (!this.#before?.microphone) drop(tracks, 'audio')
        if (!this.#before?.camera) drop(tracks, 'video')
      }
      this.preview.stop()
      this.session = new RoomSession({
        room, title: summary?.title || room, publicWatch: summary?.publicWatch ?? true, name, identity, credential, admission,
        music: scene?.audio === 'music', codecs: scene?.codecs, ...tracks,
      })
      rememberRoom({ room, title: summary?.title ?? '', key: credential.key, host: admission.role === 'host', at: Date.now() })
      void this.#shareableAddress(admission.role === 'host')
    } catch (error) {
      this.#fail(error)
    }
    this.joining = false
  }

  /** People share what stands in the address bar, so a host's must be the guests' invitation. */
  async #shareableAddress(host: boolean) {
    if (!host || this.credential.key === '') return
    let guest = ''
    try {
      guest = this.summary?.access === 'open' ? '' : (await api.keys(this.room, this.credential)).guest
    } catch {
      // Better an address without a key than one with the host's.
    }
    if (!this.#gone) history.replaceState(null, '', roomPath(this.room, guest))
  }

  /** Comes in as before, or asks at the door where something stands in the way. */
  async again() {
    this.#before = this.session && { name: recall('name'), ...this.session.sent }
    this.comingBack = this.#before !== undefined
    this.session = this.away = undefined
    await this.knock()
    if (this.#before && !this.refused && !this.trouble && !this.#gone) await this.join(this.#before.name, this.#before.microphone || this.#before.camera)
    if (this.comingBack && !this.session && !this.preview.video && !this.preview.audio && !this.refused && !this.#gone) void this.preview.start()
    this.comingBack = false
  }

  /** Asks at the door anew, as whoever holds the key that is in the address now. */
  async anew() {
    this.summary = this.session = undefined
    this.credential = { key: '' }
    await this.again()
  }

  /** Goes into the room of a group, or back into the main one, and sends there what was sent here. */
  async move(to: Move) {
    if (!this.session || this.moving) return
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
      if (this.#gone) return
      this.session = new RoomSession({
        room: next?.room ?? room, title: summary?.title || room, publicWatch: summary?.publicWatch ?? true, name, identity,
        credential: next ? { token: next.token } : credential, admission, wish, music: scene?.audio === 'music', codecs: scene?.codecs, ...(next ? { admit: async () => admission } : {}),
      })
      this.away = next
    } catch (error) {
      this.#fail(error)
      this.session = undefined
    }
    this.moving = false
  }

  close() {
    this.#gone = true
    this.preview.stop()
    void this.session?.leave()
  }
}

function drop(tracks: Tracks, kind: 'audio' | 'video') {
  tracks[kind]?.stop()
  delete tracks[kind]
}
