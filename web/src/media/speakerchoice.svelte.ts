import { t } from '../i18n/index.svelte'
import { recall, remember } from '../remember'
import { toast } from '../ui/toasts.svelte'
import { chooseSpeaker } from './speaker'

/** Which speaker this person hears by: the chosen one, and the system's while that one is pulled out. */
export class SpeakerChoice {
  /** Empty for the system's. */
  id = $state(recall('speaker'))
  #label = ''
  #lost: { id: string; label: string } | undefined

  constructor() {
    if (this.id) void chooseSpeaker(this.id)
  }

  /** Chooses one for now and the next time. */
  async choose(id: string) {
    this.#lost = undefined
    if (await this.#use(id)) remember('speaker', id)
  }

  async #use(id: string): Promise<boolean> {
    if (await chooseSpeaker(id)) {
      this.id = id
      return true
    }
    await chooseSpeaker(this.id)
    toast(t().local.speakerFailed, 'bad')
    return false
  }

  /** Learns what the chosen one is called, once the browser tells. */
  note(speakers: MediaDeviceInfo[]) {
    if (!this.#label) this.#name(speakers)
  }

  #name(speakers: MediaDeviceInfo[]) {
    this.#label = speakers.find(({ deviceId }) => deviceId === this.id)?.label ?? ''
  }

  /** Devices have come or gone. */
  follow(speakers: MediaDeviceInfo[]) {
    const there = (id: string) => speakers.some(({ deviceId }) => deviceId === id)
    const lost = this.#lost
    if (lost && there(lost.id)) {
      this.#lost = undefined
      toast(t().local.speaker.back(lost.label))
      void this.#use(lost.id)
    } else if (this.id && speakers.length > 0 && !there(this.id)) {
      const label = this.#label || t().local.speaker.one
      this.#lost = { id: this.id, label }
      toast(t().local.speaker.gone(label), 'bad')
      void this.#use('')
    }
    this.#name(speakers)
  }
}
