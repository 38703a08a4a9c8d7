import { silent, type WireMember, type WireVisitor } from './protocol'

/** How long somebody is waited for who was in the call before it was entered anew, in ms. */
const returnLimit = 30_000
/** How long the last known state stands for that of somebody who has come back and has not yet told theirs, in ms. */
const stateLimit = 3000

/** Who is in the call as the server names them, and who is still there though it does not name them any more or not yet again. */
export class Roster {
  readonly members = new Map<string, WireMember>()
  readonly visitors = new Map<string, WireVisitor>()
  /** Shown for as long as their media comes, and until then in any case. */
  readonly absent = new Map<string, { member: WireMember; until: number }>()

  /** `changed` is called when somebody changes without having been told of. */
  constructor(readonly changed: () => void) {}

  /** Takes all as the server names them on entering. `you` are not missed. */
  enter(you: string, members: WireMember[], visitors: WireVisitor[]) {
    for (const [id, member] of this.members) {
      if (id !== you && !members.some((m) => m.id === id)) this.#miss(member, Date.now() + returnLimit)
    }
    this.members.clear()
    for (const member of members) this.meet(member)
    this.visitors.clear()
    for (const visitor of visitors) this.visitors.set(visitor.id, visitor)
  }

  knows(id: string): boolean {
    return this.members.has(id) || this.absent.has(id)
  }

  /** Takes somebody as the server names them. Who comes back has no state until they tell it; the one of before stands for it. */
  meet(member: WireMember) {
    const before = this.absent.get(member.id)?.member
    this.absent.delete(member.id)
    if (!before || !silent(member.state)) {
      this.members.set(member.id, member)
      return
    }
    const standIn = { ...member, state: before.state }
    this.members.set(member.id, standIn)
    setTimeout(() => {
      if (this.members.get(member.id) !== standIn) return
      this.members.set(member.id, member)
      this.changed()
    }, stateLimit)
  }

  /** Lets go of a member whom the server names no more. Who comes `back` in a moment, or whose media `flows`, is absent and not gone. */
  leave(id: string, { back, flows }: { back: boolean; flows: boolean }): { member: WireMember; gone: boolean } | undefined {
    const member = this.members.get(id)
    if (!member) return undefined
    this.members.delete(id)
    if (back || flows) this.#miss(member, back ? Date.now() + returnLimit : 0)
    return { member, gone: !back && !flows }
  }

  #miss(member: WireMember, until: number) {
    this.absent.set(member.id, { member, until })
  }

  /** Forgets those who have not come back and whose media does not come any more, and tells who they were. */
  dismiss(flows: (id: string) => boolean): WireMember[] {
    const gone = [...this.absent.values()].filter(({ member, until }) => until < Date.now() && !flows(member.id)).map(({ member }) => member)
    for (const { id } of gone) this.absent.delete(id)
    return gone
  }
}
