package srt

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	gosrt "github.com/datarhei/gosrt"
)

// What the library does with packets of strangers it does on its own goroutines, where nothing can be caught. What is here keeps from it what it is known
// not to withstand.

const (
	// version is that of the handshake. The one before (libsrt before 1.3) has no stream ids, so nobody could say which room; and some of its
	// packets end the library.
	version = 5
	// maxHeld is how many bytes of a connection wait until it is their time.
	maxHeld   = 32 << 20
	heldEvery = time.Second
)

var (
	errHandshake = errors.New("a malformed handshake")
	errAhead     = errors.New("the encoder sends far ahead of the time")
)

// inspector reads handshakes as the library logs them, on the goroutine that accepts, before a connection is made of them. Of the packets' largest
// size, which an encoder may say, the library makes a buffer: of 4 GiB where it is said to be less than the headers. inspector panics,
// which accept takes for a malformed handshake.
type inspector struct{ gosrt.Logger }

func (inspector) Print(topic string, _ uint32, _ int, message func() string) {
	if topic != "handshake:recv:cif" {
		return
	}
	text := message()
	if !strings.Contains(text, "(CONCLUSION)") {
		return
	}
	_, rest, _ := strings.Cut(text, "maxTransmissionUnitSize: ")
	field, _, _ := strings.Cut(rest, " ")
	if size, err := strconv.ParseUint(field, 0, 32); err != nil || size < gosrt.MIN_MSS_SIZE || size > gosrt.MAX_MSS_SIZE {
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

// connect answers a request.
func connect(req gosrt.ConnRequest) (conn gosrt.Conn, err error) {
	defer func() {
		if r := recover(); r != nil {
			conn, err = nil, fmt.Errorf("%w: %v", errHandshake, r)
		}
	}()
	return req.Accept()
}

// holdBack ends a session of which more waits for its time than may. What packets say of their time the library believes. stop ends the looking.
func (x *session) holdBack(conn gosrt.Conn) (stop func()) {
	ended := make(chan struct{})
	go func() {
		look := time.NewTicker(heldEvery)
		defer look.Stop()
		for {
			select {
			case <-look.C:
			case <-ended:
				return
			}
			var st gosrt.Statistics
			if conn.Stats(&st); st.Instantaneous.ByteRecvBuf > maxHeld {
				x.kick(errAhead)
				return
			}
		}
	}()
	return func() { close(ended) }
}
