// Package whip is the door for WebRTC over HTTP: WHIP (RFC 9725) at /whip/{room}, where a publisher sends a live stream
// in, and WHEP (draft-ietf-wish-whep) at /whep/{room}, where a viewer gets a room's program.
//
// Both are one exchange: a POST with an SDP offer makes a session and answers it; DELETE at the session's address, which
// nobody can guess, ends it. The server is ICE-lite and names all its candidates in the answer, so the candidates that
// clients trickle by PATCH are accepted and not needed. ICE restarts are answered for clients that change networks.
package whip
