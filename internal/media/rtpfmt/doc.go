// Package rtpfmt knows how codecs are put into RTP: it reads what a forwarder must know of a single packet (Parse), turns
// frames into payloads (Packetizer) and payloads back into frames (Depacketizer).
package rtpfmt
