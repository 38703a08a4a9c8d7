package srt

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	gosrt "github.com/datarhei/gosrt"
)

// What the library does with packets of strangers it does on its own goroutines, where nothing can be caught. What is here keeps from it what it is known
// not to withstand; held.go bounds what it keeps of connections that stand.

// version is that of the handshake. The one before (libsrt before 1.3) has no stream ids, so nobody could say which room; and some of its
// packets end the library.
const version = 5

var errHandshake = errors.New("a malformed handshake")

// inspector reads what the library logs, which is the only way to see some of what it does.
type inspector struct {
	gosrt.Logger
	acks *sync.Map // of *acks, by the socket ids of connections
}

func (i inspector) Print(topic string, socket uint32, _ int, message func() string) {
	switch topic {
	case "handshake:recv:cif":
		inspect(message())
	case "control:send:ACK:dump":
		if a, ok := i.acks.Load(socket); ok {
			a.(*acks).goes(message)
		}
	case "control:recv:ACKACK:dump":
		if a, ok := i.acks.Load(socket); ok {
			a.(*acks).isAnswered(message)
		}
	}
}

// inspect reads a handshake, on the goroutine that accepts, before a connection is made of it. Of the packets' largest size, which an encoder may
// say, the library makes a buffer: of 4 GiB where it is said to be less than the headers; and where it is less than what it takes, it refuses but
// goes on. inspect panics, which accept takes for a malformed handshake. Of more than there may be the library refuses itself.
func inspect(handshake string) {
	if !strings.Contains(handshake, "(CONCLUSION)") {
		return
	}
	_, rest, _ := strings.Cut(handshake, "maxTransmissionUnitSize: ")
	field, _, _ := strings.Cut(rest, " ")
	if size, err := strconv.ParseUint(field, 0, 32); err != nil || size < gosrt.MIN_MSS_SIZE {
		panic("packets of a size that none may have: " + field)
	}
}

// accept waits for a request. The library reads handshakes on this goroutine, and panics on some that are cut short.
func (s *Server) accept() (req gosrt.ConnRequest, err error) {
	defer func() {
		if r := recover(); r != nil {
			req, err = nil, fmt.Errorf("%w: %v", errHandshake, r)
		}
	}()
	return s.listener.Accept2()
}

// connect answers a request. One that the library panics on is refused, so that it forgets it.
func connect(req gosrt.ConnRequest) (conn gosrt.Conn, err error) {
	defer func() {
		if r := recover(); r != nil {
			conn, err = nil, fmt.Errorf("%w: %v", errHandshake, r)
			refuse(req, gosrt.REJ_IPE)
		}
	}()
	return req.Accept()
}

// refuse answers a request with a reason.
func refuse(req gosrt.ConnRequest, reason gosrt.RejectionReason) {
	defer func() { _ = recover() }() // it is written as it was read, from what a stranger sent
	req.Reject(reason)
}
