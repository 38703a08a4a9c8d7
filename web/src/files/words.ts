import { bytes, clock } from '../i18n/format'
import type { Dictionary } from '../i18n/en'
import { memoryLimit } from './storage'
import type { Transfer } from './transfer.svelte'

/** Formats a file's size: small ones in bytes. */
export function fileSize(n: number): string {
  return n < 1024 ? `${n} B` : bytes(n)
}

/** What a transfer's row says beside its name and size: one sentence. `who` is the other person. */
export function standing(transfer: Transfer, who: string, t: Dictionary): string {
  const mine = transfer.direction === 'out'
  if (transfer.paused) return t.files.wait.paused
  switch (transfer.phase) {
    case 'waiting': return transfer.connected ? t.files.wait.turn : t.files.wait.unreachable
    case 'offered': return mine ? (transfer.connected ? t.files.wait.answer : t.files.wait.unreachable) : t.files.from(who)
    case 'moving': {
      if (transfer.rate === 0) return transfer.bytes === 0 ? t.files.wait.starting : t.files.of(fileSize(transfer.bytes), fileSize(transfer.size))
      const parts = [t.files.of(fileSize(transfer.bytes), fileSize(transfer.size)), t.files.perSecond(fileSize(transfer.rate))]
      if (transfer.remaining !== undefined) parts.push(t.files.left(clock(Math.ceil(transfer.remaining))))
      return parts.join(' · ')
    }
    case 'verifying': return t.files.wait.verifying
    case 'done': return mine ? t.files.sent : transfer.saved ? t.files.saved : t.files.arrived
    case 'refused': return mine ? t.files.refusedByThem : t.files.refusedByMe
    case 'cancelled': return transfer.theirs ? t.files.cancelledByThem(who) : t.files.cancelledByMe
    case 'failed': return whyFailed(transfer, who, t)
  }
}

function whyFailed({ reason, theirs, room, size }: Transfer, who: string, { files: { failed } }: Dictionary): string {
  switch (reason) {
    case 'mismatch': return failed.mismatch
    case 'unreadable': return theirs ? failed.unreadableThere : failed.unreadable
    case 'no_space':
      if (theirs) return failed.noSpaceThere
      return room === undefined ? failed.noSpace : failed.noSpaceFor(fileSize(size), fileSize(room))
    case 'too_large': return theirs ? failed.tooLargeThere : failed.tooLarge(fileSize(memoryLimit))
    case 'storage': return theirs ? failed.storageThere : failed.storage
    case 'gone': return failed.gone
    case 'left': return failed.away(who)
    default: return failed.protocol
  }
}
