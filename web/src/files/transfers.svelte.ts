import type { Pipe } from '../call/pipe'
import type { Desk } from './desk'
import { Incoming, leastShare } from './incoming'
import { Link } from './link'
import { maxNameLength, savedName, shownName } from './names'
import { Outgoing } from './outgoing'
import { Transfer, type FailReason } from './transfer.svelte'
import type { FilesView } from './view'
import { maxUnfinished, newId, version, wireMime, type Chunk, type Control } from './wire'
import { WorkerDesk } from './workerdesk'

/** How many ended transfers with one person are remembered, beside received files. */
const maxEnded = 50
/** How often figures on the screen change, in milliseconds. */
const refreshEvery = 250

interface Peer {
  who: string
  link: Link | undefined
}

interface Options {
  desk?: Desk
  /** The time in milliseconds. */
  now?: () => number
  /** Hands a file to the person, under a name that is safe. */
  save?: (file: Blob, name: string) => void
}

/**
 * All files that go between this person and the others in a call (docs/call-protocol.md, "Files between two"). It outlives pipes:
 * whatever a broken one interrupts goes on over the next. Whoever made it closes it.
 */
export class Transfers implements FilesView {
  /** Newest first. */
  list = $state.raw<Transfer[]>([])
  /** Called when somebody offers a file. */
  onoffer: ((transfer: Transfer) => void) | undefined
  /** Called when a transfer has ended, in any way. */
  onend: ((transfer: Transfer) => void) | undefined

  #desk: Desk
  #now: () => number
  #save: (file: Blob, name: string) => void
  #peers = new Map<string, Peer>()
  #outgoing = new Map<Transfer, Outgoing>()
  #incoming = new Map<Transfer, Incoming>()
  #timer: ReturnType<typeof setInterval> | undefined
  #known = new Set<Transfer>()

  constructor({ desk = new WorkerDesk(), now = () => performance.now(), save = download }: Options = {}) {
    this.#desk = desk
    this.#now = now
    this.#save = save
  }

  /** Files that others offer and that wait for an answer. */
  get pending(): Transfer[] {
    return this.list.filter(({ direction, phase }) => direction === 'in' && phase === 'offered')
  }

  /** Files that have not ended: a reason not to close the page. What others merely offer is none, or anybody could hold everybody back. */
  get unfinished(): Transfer[] {
    return this.list.filter(({ direction, phase, ended }) => !ended && !(direction === 'in' && phase === 'offered'))
  }

  /** Files that have come in and were not saved: they are gone with the page. */
  get unsaved(): Transfer[] {
    return this.list.filter(({ direction, phase, saved }) => direction === 'in' && phase === 'done' && !saved)
  }

  /** Uses a pipe for all files to and from its peer, in place of an older one. `who` is the peer's name. */
  attach(pipe: Pipe, who = '') {
    const peer = this.#peer(pipe.peer, who)
    peer.link?.release()
    this.#pause(pipe.peer)
    const link = new Link(pipe)
    peer.link = link
    this.#hello(pipe.peer, link)
    link.listen((message) => this.#read(pipe.peer, link, message), () => this.detach(pipe.peer, pipe))
  }

  /** Stops using a peer's pipe, or that one if it is still in use. What is unfinished waits for the next. */
  detach(peer: string, pipe?: Pipe) {
    const known = this.#peers.get(peer)
    if (!known?.link || (pipe && known.link.pipe !== pipe)) return
    known.link.release()
    known.link = undefined
    this.#pause(peer)
  }

  /** Somebody has left the call for good: what is unfinished with them has failed. */
  left(peer: string) {
    this.detach(peer)
    this.#peers.delete(peer)
    for (const transfer of this.#of(peer)) {
      if (!transfer.ended) this.#fail(transfer, 'left')
    }
  }

  /** Offers a file to somebody. It goes when they have accepted. */
  offer(peer: string, file: File, who = ''): Transfer {
    const transfer = new Transfer({
      id: newId(), peer, who: this.#peer(peer, who).who, direction: 'out', name: shownName(file.name).slice(0, maxNameLength),
      size: file.size, mime: wireMime(file.type),
    })
    this.#outgoing.set(transfer, new Outgoing(transfer, file, this.#desk))
    this.#add(transfer)
    this.#offerWaiting(peer)
    return transfer
  }

  accept(transfer: Transfer) {
    void this.#incoming.get(transfer)?.accept().then(() => this.#refresh())
    this.#refresh()
  }

  refuse(transfer: Transfer) {
    this.#incoming.get(transfer)?.refuse()
    this.#refresh()
  }

  cancel(transfer: Transfer) {
    this.#outgoing.get(transfer)?.cancel()
    this.#incoming.get(transfer)?.cancel()
    this.#refresh()
  }

  /** Saves a received file where the browser saves downloads. */
  async save(transfer: Transfer) {
    if (transfer.direction !== 'in' || transfer.phase !== 'done') return
    this.#save(await this.#desk.file(transfer.id), savedName(transfer.name))
    transfer.saved = true
  }

  /** Takes a transfer that has ended off the list; a received file that was not saved is gone with it. */
  remove(transfer: Transfer) {
    if (!transfer.ended) return
    this.#outgoing.delete(transfer)
    if (this.#incoming.delete(transfer)) void this.#desk.drop(transfer.id).catch(() => {})
    this.#known.delete(transfer)
    this.list = this.list.filter((other) => other !== transfer)
  }

  /** Ends everything. Files that were not saved are gone at the next start. */
  close() {
    for (const { link } of this.#peers.values()) link?.release()
    this.#peers.clear()
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#desk.close()
  }

  // --- the others

  #read(from: string, link: Link, message: Control | Chunk) {
    if (message.type === 'hello') return this.#heard(from, link, message)
    const out = this.#find(from, message.id, 'out')
    const known = this.#find(from, message.id, 'in')
    const into = known && this.#incoming.get(known)
    switch (message.type) {
      case 'chunk':
        // The figures follow by themselves.
        into?.take(message)
        return
      case 'offer':
        if (into) into.offeredAgain(link, message)
        else this.#offered(from, link, message)
        break
      case 'end':
        void into?.end(message.sha256).then(() => this.#refresh())
        break
      case 'cancel':
        into?.cancelled()
        if (out) this.#outgoing.get(out)?.read(message)
        break
      case 'fail':
        into?.fail(message.reason, true)
        if (out) this.#outgoing.get(out)?.read(message)
        break
      default:
        if (out) this.#outgoing.get(out)?.read(message)
    }
    this.#refresh()
  }

  #hello(peer: string, link: Link) {
    const sending = [...this.#outgoing.keys()]
      .filter((t) => t.peer === peer && !t.ended && t.phase !== 'waiting')
      .map(({ id }) => id)
    link.say({ type: 'hello', version, heard: link.heard, sending })
  }

  #heard(from: string, link: Link, hello: Extract<Control, { type: 'hello' }>) {
    const first = !link.heard
    link.heard = true
    if (!hello.heard) this.#hello(from, link)
    for (const transfer of this.#of(from)) {
      transfer.connected = true
      if (transfer.direction === 'in' && !transfer.ended && !hello.sending.includes(transfer.id)) this.#fail(transfer, 'gone')
    }
    if (first || !hello.heard) {
      for (const [transfer, out] of this.#outgoing) {
        if (transfer.peer === from && !transfer.ended && transfer.phase !== 'waiting') out.offer(link)
      }
    }
    this.#offerWaiting(from)
    this.#refresh()
  }

  #offered(from: string, link: Link, { id, name, size, mime }: Extract<Control, { type: 'offer' }>) {
    const unfinished = this.#of(from).filter(({ direction, ended }) => direction === 'in' && !ended).length
    if (unfinished >= maxUnfinished) return link.say({ type: 'refuse', id })
    const { who } = this.#peer(from)
    const transfer = new Transfer({ id, peer: from, who, direction: 'in', name: shownName(name), size, mime })
    this.#incoming.set(transfer, new Incoming(transfer, this.#desk, link, (window) => this.#share(window)))
    this.#add(transfer)
    void this.#desk.begun(id).catch(() => false).then((begun) => {
      // What was accepted before this page was loaded anew goes on by itself.
      if (begun) this.accept(transfer)
      else if (!transfer.ended) this.onoffer?.(transfer)
    })
  }

  #offerWaiting(peer: string) {
    const link = this.#peers.get(peer)?.link
    if (!link?.heard) return
    const mine = [...this.#outgoing].filter(([transfer]) => transfer.peer === peer && !transfer.ended)
    let free = maxUnfinished - mine.filter(([{ phase }]) => phase !== 'waiting').length
    for (const [transfer, out] of mine) {
      if (transfer.phase === 'waiting' && free-- > 0) out.offer(link)
    }
  }

  #pause(peer: string) {
    for (const transfer of this.#of(peer)) {
      transfer.connected = false
      this.#outgoing.get(transfer)?.pause()
      this.#incoming.get(transfer)?.pause()
    }
    this.#refresh()
  }

  /** What each of the files that come in now may have under way, where all together may have `window` bytes. */
  #share(window: number): number {
    const coming = this.list.filter(({ direction, phase }) => direction === 'in' && phase === 'moving').length
    return Math.max(leastShare, Math.floor(window / Math.max(1, coming)))
  }

  #fail(transfer: Transfer, reason: FailReason) {
    this.#outgoing.get(transfer)?.fail(reason)
    this.#incoming.get(transfer)?.fail(reason)
    this.#refresh()
  }

  // --- the list

  #peer(id: string, who = ''): Peer {
    let peer = this.#peers.get(id)
    if (!peer) this.#peers.set(id, (peer = { who, link: undefined }))
    if (who !== '') peer.who = who
    return peer
  }

  #of(peer: string): Transfer[] {
    return this.list.filter((transfer) => transfer.peer === peer)
  }

  #find(peer: string, id: string, direction: 'in' | 'out'): Transfer | undefined {
    return this.list.find((t) => t.id === id && t.peer === peer && t.direction === direction)
  }

  #add(transfer: Transfer) {
    transfer.connected = this.#peers.get(transfer.peer)?.link?.heard ?? false
    // Nobody fills the list by offering and taking back.
    const ended = this.#of(transfer.peer).filter(({ ended, direction, phase }) => ended && direction === 'in' && phase !== 'done')
    for (const old of ended.slice(maxEnded)) this.remove(old)
    this.list = [transfer, ...this.list]
    this.#refresh()
  }

  /** Brings the screen up to date, now and for as long as something moves, and tells of what has ended. */
  #refresh() {
    let moving = false
    const now = this.#now()
    for (const transfer of this.list) {
      if (transfer.ended && this.#known.has(transfer)) continue
      transfer.refresh(now)
      moving ||= transfer.phase === 'moving' || transfer.phase === 'verifying'
      if (!transfer.ended) continue
      this.#known.add(transfer)
      this.onend?.(transfer)
      if (transfer.direction === 'out') this.#offerWaiting(transfer.peer)
    }
    if (moving) this.#timer ??= setInterval(() => this.#refresh(), refreshEvery)
    else {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }
}

/** Saves by a link for downloads. Never opened in a tab: what others send must not run as a part of this page. */
function download(file: Blob, name: string) {
  const url = URL.createObjectURL(new Blob([file], { type: 'application/octet-stream' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The download has its own hold on the file when it has begun; a minute is plenty for that.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
