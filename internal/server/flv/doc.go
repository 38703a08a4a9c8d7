// Package flv is the door for players of HTTP-FLV: GET /live/{room}.flv.
//
// A program is muxed once: one goroutine gathers the tags of a tick into a chunk, immutable bytes in a ring that all
// viewers share. A viewer is a cursor into the ring. On plain HTTP/1.1 a few goroutines (sweepers), not one for each
// viewer, write what is new to all connections, without ever waiting for one; over TLS and HTTP/2 a viewer has a goroutine.
// A viewer begins at the last keyframe; one that falls behind goes on at the newest keyframe, and is cut off when that
// happens too often or when it takes nothing at all.
package flv
