import type { StatsSource, TrackSource } from './source'

/** A track's codec as negotiated and, where the browser tells, who codes it. */
export interface CodecFigures {
  /** As in SDP, without "audio/" or "video/": "H264", "opus". */
  name: string
  /** In words: "constrained baseline 3.1". */
  profile?: string
  /** The coder's own name: "libvpx", "VideoToolbox". */
  implementation?: string
  hardware?: boolean
}

/** One stream of a track (a layer, when simulcast) during the interval that ends with the sample. What is not known is absent. */
export interface TrackFigures {
  /** The same from one sample to the next for the same stream. */
  id: string
  connection: string
  direction: 'sent' | 'received'
  kind: 'audio' | 'video'
  /** Whose it is, empty for oneself. */
  person?: string
  identity?: string
  what?: TrackSource
  /** The layer's name. */
  rid?: string
  /** bit/s of media, without headers. */
  bitrate?: number
  width?: number
  height?: number
  fps?: number
  /** Seconds. */
  roundTrip?: number
  /** 0 to 1: the part of the packets that did not arrive. */
  loss?: number
  /** Seconds (RFC 3550, 6.4.1). */
  jitter?: number
  /** Seconds that media waited in the jitter buffer. */
  bufferDelay?: number
  /** 0 to 1: the part of the sound that was made up for lack of packets. */
  concealed?: number
  /** Freezes of the picture in this interval, and since the track began. */
  freezes?: number
  freezesInAll?: number
  codec?: CodecFigures
  /** What the sender held the picture back for. */
  limitation?: string
  /** Requests for lost packets and for whole pictures, in this interval. */
  nacks?: number
  plis?: number
}

/** One end of the pair that carries a connection. */
export interface EndFigures {
  /** host, srflx, prflx or relay (RFC 8445, 5.1.1). */
  type: string
  /** udp or tcp, between the two ends. */
  protocol: string
  address?: string
  port?: number
  /** How the own relay is reached: udp, tcp or tls. */
  relayProtocol?: string
}

/** One connection during the interval that ends with the sample. */
export interface ConnectionFigures {
  connection: string
  local?: EndFigures
  remote?: EndFigures
  /** Seconds. */
  roundTrip?: number
  /** bit/s that the sender's estimate allows. */
  availableOutgoing?: number
  /** bit/s of everything. */
  sent?: number
  received?: number
  dtlsCipher?: string
  srtpCipher?: string
  /** "DTLS 1.2", as far as told. */
  dtlsVersion?: string
}

/** The figures of a call at one moment. */
export interface Sample {
  /** Milliseconds since 1970. */
  at: number
  path: StatsSource['path']
  connections: ConnectionFigures[]
  tracks: TrackFigures[]
}
