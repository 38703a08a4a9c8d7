import { language } from '../i18n/index.svelte'
import type { ConnectionFigures, Sample, TrackFigures } from '../stats/sample'
import type { StatsView } from '../stats/recorder.svelte'

export type DrawnCall = 'direct' | 'relay' | 'server' | 'weak' | 'detail'

const wave = (i: number, period: number) => Math.sin((i / period) * 2 * Math.PI)

/** Three minutes of a made-up call, or of a room, in which `me` and `them` tell whose the pictures are. */
function drawnSamples(call: DrawnCall, me?: string, them?: string): Sample[] {
  const other = language() === 'zh' ? '王小明' : 'Grace'
  const weak = call === 'weak'
  const path = call === 'relay' || weak ? 'relay' : call === 'server' ? 'server' : 'direct'
  const connection = path === 'server' ? 'server' : 'direct'
  return Array.from({ length: 180 }, (_, i): Sample => {
    const thin = weak && i > 90
    const track = (more: Partial<TrackFigures> & Pick<TrackFigures, 'id' | 'direction' | 'kind'>): TrackFigures => ({ connection, nacks: thin ? 7 : 0, plis: 0, ...more })
    const video = { name: 'H264', profile: 'constrained baseline 3.1' }
    const sound = { name: 'opus', profile: 'stereo' }
    const tracks = [
      track({
        id: 'out-video', direction: 'sent', kind: 'video', person: '', ...(me ? { identity: me } : {}), what: 'camera', bitrate: (thin ? 420_000 : 1_900_000) + 160_000 * wave(i, 17),
        width: thin ? 640 : 1280, height: thin ? 360 : 720, fps: thin ? 15 : 30, roundTrip: thin ? 0.41 : 0.024, loss: thin ? 0.06 : 0, jitter: 0.004,
        limitation: thin ? 'bandwidth' : 'none', codec: { ...video, implementation: 'OpenH264', hardware: false },
      }),
      track({ id: 'out-audio', direction: 'sent', kind: 'audio', person: '', ...(me ? { identity: me } : {}), what: 'microphone', bitrate: 46_000 + 4000 * wave(i, 7), roundTrip: 0.024, loss: 0, jitter: 0.003, codec: sound }),
      track({
        id: 'in-video', direction: 'received', kind: 'video', person: other, ...(them ? { identity: them } : {}), what: 'camera', bitrate: (thin ? 600_000 : 2_300_000) + 300_000 * wave(i, 23),
        width: 1280, height: 720, fps: thin ? 21 : 30, loss: thin ? 0.045 : Math.max(0, 0.004 * wave(i, 31)), jitter: thin ? 0.07 : 0.006, bufferDelay: 0.048,
        freezes: thin && i % 30 === 29 ? 1 : 0, freezesInAll: thin ? Math.floor((i - 90) / 30) : 0, codec: { ...video, implementation: 'FFmpeg', hardware: false },
      }),
      track({
        id: 'in-audio', direction: 'received', kind: 'audio', person: other, ...(them ? { identity: them } : {}), what: 'microphone', bitrate: 48_000 + 3000 * wave(i, 11), loss: thin ? 0.03 : 0,
        jitter: 0.005, bufferDelay: 0.061, concealed: thin ? 0.021 : 0, codec: sound,
      }),
    ]
    const way: ConnectionFigures = {
      connection, roundTrip: (thin ? 0.39 : 0.022) + 0.004 * wave(i, 13), availableOutgoing: thin ? 520_000 : 4_800_000,
      dtlsVersion: 'DTLS 1.2', dtlsCipher: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', srtpCipher: 'AEAD_AES_128_GCM',
      local: path === 'relay'
        ? { type: 'relay', protocol: 'udp', address: '203.0.113.5', port: 50_124, relayProtocol: weak ? 'tls' : 'udp' }
        : { type: 'srflx', protocol: 'udp', address: '198.51.100.23', port: 51_820 },
      remote: path === 'server'
        ? { type: 'host', protocol: 'udp', address: '203.0.113.5', port: 7882 }
        : { type: 'host', protocol: 'udp', address: '2001:db8:17:4::c0de', port: 60_031 },
    }
    return { at: Date.UTC(2026, 10, 22, 12, 0, i), path, connections: [way], tracks }
  })
}

/** Made-up statistics of a call or a room. */
export function drawnStatistics(call: DrawnCall, me?: string, them?: string): StatsView {
  return { samples: drawnSamples(call, me, them), watch: () => () => {} }
}
