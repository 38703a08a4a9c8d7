// Package fanout carries a program to many connections in a form that is made of FLV's tags: FLV over HTTP and WebSockets, RTMP.
//
// A program is muxed once: one goroutine gathers the tags of a tick into a chunk, immutable bytes in a ring that all
// viewers share. A viewer is a cursor into the ring. On plain TCP connections a few goroutines (sweepers), not one for each
// viewer, write what is new to all of them, without ever waiting for one; over TLS and HTTP/2 a viewer has a goroutine.
// A viewer begins at the last keyframe; one that falls behind goes on at the newest keyframe, and is cut off when that
// happens too often or when it takes nothing at all.
package fanout

import (
	"encoding/binary"

	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/mux/rtmp"
)

// Form writes tags the way a protocol has them. begins tells that they come with the header of an FLV file.
type Form func(dst, tags []byte, begins bool) []byte

// FLV leaves them as they are.
func FLV(dst, tags []byte, _ bool) []byte { return append(dst, tags...) }

// FLVMessages are tags as binary messages of a WebSocket, one for each run of tags (RFC 6455, section 5.2; a server masks nothing).
func FLVMessages(dst, tags []byte, _ bool) []byte {
	const wholeBinaryMessage = 0x82
	dst = append(dst, wholeBinaryMessage)
	switch n := len(tags); {
	case n < 126:
		dst = append(dst, byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
	}
	return append(dst, tags...)
}

const (
	// ChunkSize is that of the RTMP forms, to be announced to the peer before, and RTMPStream the message stream they are on.
	ChunkSize  = 32 << 10
	RTMPStream = 1
	// fileHeader is how long the header of an FLV file is.
	fileHeader = 13
)

// RTMP makes messages for players.
func RTMP(dst, tags []byte, begins bool) []byte { return messages(dst, tags, begins, nil) }

// RTMPPublish makes messages for a server that is published to: metadata are set there (@setDataFrame).
func RTMPPublish(dst, tags []byte, begins bool) []byte {
	return messages(dst, tags, begins, []byte("\x02\x00\x0d@setDataFrame"))
}

func messages(dst, tags []byte, begins bool, beforeData []byte) []byte {
	if begins {
		tags = tags[fileHeader:]
	}
	for t := range flv.Tags(tags) {
		m := rtmp.Message{Type: rtmp.Type(t.Type), Stream: RTMPStream, Timestamp: t.Timestamp, Body: t.Body} // tags have the types of messages
		switch t.Type {
		case flv.VideoTag:
			m.ChunkStream = 6
		case flv.AudioTag:
			m.ChunkStream = 4
		default:
			m.ChunkStream = 5
			m.Body = append(beforeData[:len(beforeData):len(beforeData)], t.Body...)
		}
		dst = rtmp.AppendMessage(dst, m, ChunkSize)
	}
	return dst
}
