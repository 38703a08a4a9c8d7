import { t } from '../i18n/index.svelte'
import { toast } from '../ui/toasts.svelte'
import { fileNameAt } from './filename'
import { Composer } from './recording/composer'
import { NoRoom, openKeep, type Keep } from './recording/keep'
import { Mixer } from './recording/mixer'
import { WebmFile } from './recording/webm'

/** Somebody in a recording, with whatever they send now. A shared screen is one of its own. */
export interface RecordingSource {
  id: string
  name: string
  video?: MediaStreamTrack | HTMLVideoElement | undefined
  audio?: MediaStreamTrack | undefined
}

/** What browsers record, the best first: MP4 with AAC plays everywhere, WebM plays in every browser. */
const formats = [
  'video/mp4;codecs=avc1.640028,mp4a.40.2', 'video/mp4;codecs=avc1.42E01F,mp4a.40.2', 'video/webm;codecs=vp8,opus', 'video/webm;codecs=vp9,opus',
  'video/webm', 'video/mp4',
]
const videoBitrate = 2_500_000
const audioBitrate = 128_000
/** How often the recorder hands over what it has, in milliseconds. That much is lost at most. */
const piece = 1000

/** The format that this browser records in; empty where it cannot. */
export function recordingFormat(): string {
  if (typeof MediaRecorder !== 'function') return ''
  return formats.find((type) => MediaRecorder.isTypeSupported(type)) ?? ''
}

/** The same format for a picture alone: Firefox records nothing while it waits for the sound that a format names. */
export function withoutSound(format: string): string {
  return format.replace(/,.*$/, '')
}

/**
 * A recording of a call to a file of this person's: everybody's picture side by side and all sound. The call sets the sources
 * whenever they change. One object makes one recording after the other; who leaves the call stops it first.
 */
export class Recording {
  state = $state<'idle' | 'starting' | 'recording' | 'paused' | 'saving'>('idle')
  /** Seconds recorded, without pauses. */
  elapsed = $state(0)
  /** Bytes written. */
  size = $state(0)
  /** Bytes that can still be written, where that is known. */
  left = $state<number>()
  kind = $state<Keep['kind']>('file')

  /** Comes when `recording` changed, so that the others can be told. */
  onchange: (() => void) | undefined

  #sources: RecordingSource[] = []
  #format: string
  #recorder: MediaRecorder | undefined
  #composer: Composer | undefined
  #mixer: Mixer | undefined
  #keep: Keep | undefined
  #webm: WebmFile | undefined
  /** Pieces are written one after the other. */
  #writing: Promise<void> = Promise.resolve()
  #failed = false
  #clock = 0
  #before = 0
  #since = 0
  #saved: Promise<void> = Promise.resolve()

  /** `format` is for tests. */
  constructor(format = recordingFormat()) {
    this.#format = format
  }

  get possible(): boolean {
    return this.#format !== ''
  }

  /** Whether others are being recorded, a pause included: they are told. */
  get recording(): boolean {
    return this.state === 'recording' || this.state === 'paused'
  }

  get paused(): boolean {
    return this.state === 'paused'
  }

  /** Bytes a second, as far as is known now. */
  get rate(): number {
    return this.elapsed > 3 ? this.size / this.elapsed : (videoBitrate + audioBitrate) / 8
  }

  setSources(sources: RecordingSource[]) {
    this.#sources = sources
    this.#composer?.set(sources)
    this.#mixer?.set(sources.flatMap(({ audio }) => audio ?? []))
  }

  /** Asks where to keep the file, where the browser can, and begins. Call it while a click is being handled. */
  async start() {
    if (this.state !== 'idle' || !this.possible) return
    this.state = 'starting'
    try {
      const mimeType = this.#format.split(';')[0]!
      this.#keep = await openKeep(fileNameAt(new Date(), mimeType === 'video/mp4' ? 'mp4' : 'webm'), mimeType)
      if (!this.#keep) {
        this.state = 'idle'
        return
      }
      this.kind = this.#keep.kind
      this.#webm = mimeType === 'video/webm' ? new WebmFile() : undefined
      this.#composer = new Composer()
      this.#mixer = new Mixer()
      const mixing = await this.#mixer.start()
      if (!mixing) toast(t().local.recording.noSound, 'bad')
      this.setSources(this.#sources)
      this.#record(new MediaStream(mixing ? [this.#composer.track, this.#mixer.track] : [this.#composer.track]))
    } catch {
      this.#letGo()
      this.state = 'idle'
      toast(t().local.recording.failed, 'bad')
    }
  }

  #record(stream: MediaStream) {
    const options: MediaRecorderOptions & { videoKeyFrameIntervalDuration: number } = {
      mimeType: stream.getAudioTracks().length > 0 ? this.#format : withoutSound(this.#format),
      videoBitsPerSecond: videoBitrate, audioBitsPerSecond: audioBitrate, videoKeyFrameIntervalDuration: 2000,
    }
    const recorder = new MediaRecorder(stream, options)
    this.#recorder = recorder
    this.#failed = false
    this.#writing = Promise.resolve()
    this.#before = this.elapsed = this.size = 0
    this.left = undefined
    this.#saved = new Promise((resolve) => {
      recorder.onstop = () => void this.#save().then(resolve)
    })
    recorder.ondataavailable = ({ data }) => this.#write(data)
    recorder.onerror = () => this.#break(t().local.recording.broke)
    recorder.start(piece)
    this.#since = performance.now()
    this.#clock = window.setInterval(() => this.#count(), 500)
    this.state = 'recording'
    addEventListener('beforeunload', warn)
    this.onchange?.()
  }

  pause() {
    if (this.state !== 'recording') return
    this.#count()
    this.#before = this.elapsed
    this.#recorder?.pause()
    this.#composer?.pause(true)
    this.state = 'paused'
  }

  resume() {
    if (this.state !== 'paused') return
    this.#since = performance.now()
    this.#composer?.pause(false)
    this.#recorder?.resume()
    this.state = 'recording'
  }

  /** Ends the recording; resolves when the file is whole. */
  async stop(): Promise<void> {
    if (!this.recording) return this.#saved
    this.#count()
    this.state = 'saving'
    this.onchange?.()
    if (this.#recorder?.state !== 'inactive') this.#recorder?.stop()
    await this.#saved
  }

  #count() {
    if (this.state === 'recording') this.elapsed = this.#before + (performance.now() - this.#since) / 1000
  }

  #write(data: Blob) {
    if (data.size === 0) return
    this.#writing = this.#writing.then(async () => {
      if (this.#failed || !this.#keep) return
      try {
        const bytes = new Uint8Array(await data.arrayBuffer())
        await this.#append(this.#webm ? this.#webm.feed(bytes) : bytes)
        this.left = await this.#keep.left().catch(() => undefined)
      } catch (error) {
        this.#break(error instanceof NoRoom ? t().local.recording.noRoom : t().local.recording.broke)
      }
    })
  }

  async #append(bytes: Uint8Array<ArrayBuffer>) {
    if (bytes.length === 0) return
    await this.#keep!.write(bytes)
    this.size += bytes.length
  }

  /** Something went wrong: what there is is saved. */
  #break(why: string) {
    if (this.#failed) return
    this.#failed = true
    toast(why, 'bad')
    void this.stop()
  }

  async #save() {
    if (this.state !== 'saving') {
      // The recorder stopped by itself.
      this.state = 'saving'
      this.onchange?.()
    }
    await this.#writing
    try {
      const end = this.#webm?.finish(!this.#failed)
      if (end && !this.#failed) await this.#append(end.append)
      await this.#keep?.finish(end?.patches ?? [])
      if (this.#keep?.kind === 'file' && !this.#failed) toast(t().local.recording.saved)
    } catch {
      toast(t().local.recording.broke, 'bad')
    }
    this.#letGo()
    this.state = 'idle'
  }

  #letGo() {
    clearInterval(this.#clock)
    removeEventListener('beforeunload', warn)
    this.#composer?.stop()
    this.#mixer?.close()
    this.#composer = this.#mixer = this.#recorder = this.#keep = this.#webm = undefined
  }
}

/** Leaving the page would lose the recording, so the browser asks. */
function warn(event: BeforeUnloadEvent) {
  event.preventDefault()
}
