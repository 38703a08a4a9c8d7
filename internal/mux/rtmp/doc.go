// Package rtmp is the chunk layer of Adobe's RTMP 1.0 specification: the handshake, and messages to bytes and back. It
// knows no commands and no rooms, and bounds what a peer can make it hold. The bodies of sound and picture messages are
// those of FLV tags and belong to package flv.
package rtmp
