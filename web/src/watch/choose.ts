import type { Credential } from '../api/client'
import type { Protocol } from '../api/types'

/** What this browser brings for playing. */
export interface Abilities {
  webrtc: boolean
  /** Media Source Extensions. */
  mse: boolean
  /** Only the managed kind of them, as newer iPhones have. */
  managed: boolean
  /** Plays HLS by itself, as Safari does. */
  nativeHls: boolean
  wechat: boolean
}

export function canTry(protocol: Protocol, a: Abilities): boolean {
  switch (protocol) {
    case 'whep':
      // WeChat's browsers have parts of WebRTC that often stay silent.
      return a.webrtc && !a.wechat
    case 'flv':
      return a.mse || a.managed
    case 'hls':
      return a.mse || a.managed || a.nativeHls
  }
}

/**
 * What a player shows at an address. A network in front of the server gets nothing, and an address with a pass in it needs nothing, so
 * that caches give everybody the same.
 */
export function credentialFor(protocol: Protocol, address: string, page: string, own: Credential): Credential {
  const { origin, pathname } = new URL(address, page)
  const whole = protocol === 'whep' || (origin === new URL(page).origin && !pathname.startsWith('/live/~'))
  return whole ? own : { key: '' }
}

/**
 * The ways to play, in the order in which to try them: least delay first, the reader's own choice before all, and HLS first in
 * WeChat. Only what the server offers and the browser can do.
 */
export function waysToPlay(offered: Partial<Record<Protocol, string>>, a: Abilities, chosen?: Protocol): Protocol[] {
  const order: Protocol[] = a.wechat ? ['hls', 'flv', 'whep'] : ['whep', 'flv', 'hls']
  const possible = order.filter((p) => offered[p] && canTry(p, a))
  if (!chosen || !possible.includes(chosen)) return possible
  return [chosen, ...possible.filter((p) => p !== chosen)]
}

export function abilities(userAgent: string): Abilities {
  const source = globalThis as { MediaSource?: { isTypeSupported(type: string): boolean }; ManagedMediaSource?: unknown }
  return {
    webrtc: typeof RTCPeerConnection === 'function',
    mse: source.MediaSource?.isTypeSupported('video/mp4; codecs="avc1.42E01E,mp4a.40.2"') ?? false,
    managed: !source.MediaSource && Boolean(source.ManagedMediaSource),
    nativeHls: document.createElement('video').canPlayType('application/vnd.apple.mpegurl') !== '',
    wechat: /MicroMessenger/i.test(userAgent),
  }
}
