// Package rtcload puts a load of WebRTC on a server: light clients that do ICE, DTLS, SRTP, retransmission and feedback as
// browsers do, but decode nothing. They speak WHIP and WHEP, or LiveKit's client protocol, so that the same clients can
// load any server that speaks either.
package rtcload
