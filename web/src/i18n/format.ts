import type { Language } from './index.svelte'

/** Formats seconds as 4:05 or 1:04:05. */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  const pad = (n: number) => String(n).padStart(2, '0')
  const h = Math.floor(s / 3600)
  const m = Math.floor((s % 3600) / 60)
  return h > 0 ? `${h}:${pad(m)}:${pad(s % 60)}` : `${m}:${pad(s % 60)}`
}

/** Formats bit/s as "2.4 Mbit/s" or "128 kbit/s". */
export function bitrate(bitsPerSecond: number): string {
  if (bitsPerSecond >= 1e9) return `${(bitsPerSecond / 1e9).toFixed(2)} Gbit/s`
  if (bitsPerSecond >= 1e6) return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`
  return `${Math.round(bitsPerSecond / 1e3)} kbit/s`
}

/** Formats bytes as "11 MB". */
export function bytes(n: number): string {
  if (n >= 1 << 30) return `${(n / (1 << 30)).toFixed(1)} GB`
  if (n >= 1 << 20) return `${Math.round(n / (1 << 20))} MB`
  return `${Math.round(n / 1024)} KB`
}

/** Formats a time of day, hours and minutes, the way of the reader's own variant of the language: 16:37 in Britain. */
export function timeOfDay(at: number, language: Language, preferred: readonly string[] = navigator.languages): string {
  const own = preferred.find((tag) => tag.toLowerCase().split('-')[0] === language)
  return new Date(at).toLocaleTimeString(own ?? (language === 'zh' ? 'zh-CN' : 'en-GB'), { timeStyle: 'short' })
}

/** Formats when something happened of late: the time of day to the second, after the date where it was not today. */
export function moment(at: number, language: Language, now = Date.now()): string {
  const date = new Date(at)
  const today = date.toDateString() === new Date(now).toDateString()
  return today ? date.toLocaleTimeString(language, { timeStyle: 'medium' }) : date.toLocaleString(language, { dateStyle: 'medium', timeStyle: 'medium' })
}

/** The name people know a codec by. */
export function codecName(codec: string): string {
  const known: Record<string, string> = {
    h264: 'H.264', h265: 'H.265', hevc: 'H.265', vp8: 'VP8', vp9: 'VP9', av1: 'AV1', opus: 'Opus', aac: 'AAC',
  }
  return known[codec.toLowerCase().replace(/^(video|audio)\//, '')] ?? codec
}
