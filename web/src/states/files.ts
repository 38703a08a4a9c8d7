import { Transfer } from '../files/transfer.svelte'
import type { FilesView } from '../files/view'
import { language } from '../i18n/index.svelte'

/** Two files that came in and were not saved. */
export function drawnReceived(): FilesView {
  const zh = language() === 'zh'
  const received = (id: string, who: string, name: string, size: number) =>
    Object.assign(new Transfer({ id, peer: id, who, direction: 'in', name, size, mime: '' }), { phase: 'done', bytes: size, moved: size })
  const list = [
    received('a', zh ? '王小明' : 'Grace Hopper', zh ? '路线图（讨论稿）.pdf' : 'Roadmap (draft).pdf', 2_480_000),
    received('b', zh ? '陈静' : 'Linus T.', 'a-name-without-any-place-to-break-it-that-goes-on-and-on-and-on-until-somebody-stops-it.tar.gz', 861_000_000),
  ]
  return { list, pending: [], unfinished: [], unsaved: list, offer() {}, accept() {}, refuse() {}, cancel() {}, async save() {}, remove() {} }
}
