// Package livekit is the door for clients that speak LiveKit's client protocol: signalling over a WebSocket, media and
// data over WebRTC. It translates between that protocol and a studio's participant, and knows no room logic of its own.
//
// One session is one participant's visit. A session outlives its WebSocket: when that drops, the participant, its peers
// and its tracks stay for a grace time, and a client that comes back within it resumes. Everything in a session belongs
// to its one goroutine (session.run); requests, room events and peer events reach it as items of two queues.
//
// Two ways to connect exist. On /rtc (v0) the client offers a connection for publishing and the server offers another
// one for subscribing; on /rtc/v1 there is one connection and the client always offers, so the server asks it for an
// offer when tracks come or go.
package livekit
