import { Kept } from '../room/kept.svelte'
import { Chatbox } from './chatbox'
import type { Link } from './link'
import type { Roster } from './roster'

/** Whom a conversation is with, and over what. */
interface Company {
  you: string
  name: string
  roster: Roster
  /** Newest first. */
  links: readonly Link[]
}

/** What the people of a call write to each other, over whatever link leads to each of them. Owned by the session. */
export class Conversation {
  readonly kept = new Kept()
  #company: () => Company
  #box = new Chatbox((member, data) => this.#send(member, data))
  /** The links and whom they reached when what waits was last sent. */
  #ways = ''

  constructor(company: () => Company) {
    this.#company = company
  }

  say(text: string) {
    const { you, name, roster, links } = this.#company()
    const said = this.#box.say(text, [...roster.members.keys()].filter((id) => id !== you), Date.now())
    // Whoever is in the room without being in the call is there all the same.
    for (const link of links) {
      for (const { id } of link.reached) if (!roster.members.has(id)) link.tell(id, said.data)
    }
    this.kept.add({ from: name, identity: you, own: true, text, at: said.at })
  }

  /** Takes what came from somebody, who may be known by no other name than `name`. */
  read(member: string, name: string, data: Uint8Array<ArrayBuffer>) {
    const said = this.#box.take(member, data, Date.now())
    if (!said) return
    this.kept.add({
      from: this.#company().roster.members.get(member)?.name || name, identity: member, own: false, text: said.text, at: said.at,
    })
  }

  /** Sends what waits over ways that are new. */
  follow() {
    const { links } = this.#company()
    const ways = links.map((link) => `${nameOf(link)}${link.open}${link.reached.map((r) => r.id).join()}`).join(' ')
    if (ways === this.#ways) return
    this.#ways = ways
    this.#box.flush((member) => nameOf(links.find((link) => link.reaches(member))))
  }

  /** Somebody is gone for good. */
  gone(id: string) {
    this.#box.gone(id)
  }

  #send(member: string, data: Uint8Array<ArrayBuffer>): string | undefined {
    return nameOf(this.#company().links.find((link) => link.tell(member, data)))
  }
}

/** Tells ways apart. */
function nameOf(link: Link | undefined): string | undefined {
  return link && `${link.kind}${link.generation}`
}
