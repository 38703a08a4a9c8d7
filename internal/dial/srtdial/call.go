// Package srtdial calls SRT servers by way of package dial: what is called is an address that was looked at.
//
// The library under it keeps a goroutine for ever of each call that fails, and a hostile server can make it panic on goroutines of its own. So
// whom nobody answers is not called by it at all, and whoever may name servers must be trusted.
package srtdial

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"time"

	gosrt "github.com/datarhei/gosrt"

	"github.com/tuttilive/tutti/internal/dial"
)

const (
	// answerWithin is how long a server may take for each step.
	answerWithin = 5 * time.Second
	knockEvery   = 500 * time.Millisecond
)

var errNobody = errors.New("nobody answers")

// Resolver finds an address of a host that may be connected to; package dial has it.
type Resolver interface {
	Resolve(ctx context.Context, host, port string) (string, error)
}

// Call connects. The configuration's timeout is ours. Of its errors dial.TroubleOf tells what is the matter.
func Call(ctx context.Context, r Resolver, host, port string, config gosrt.Config) (gosrt.Conn, error) {
	address, err := r.Resolve(ctx, host, port)
	if err == nil {
		err = knock(ctx, address)
	}
	if err != nil {
		return nil, dial.Failed("connecting", err)
	}
	config.ConnectionTimeout = answerWithin
	conn, err := gosrt.Dial("srt", address, config)
	if err != nil {
		if _, why, ok := strings.Cut(err.Error(), "connection rejected: "); ok {
			err = dial.Denial{Code: why}
		}
		return nil, dial.Failed("connecting", err)
	}
	return conn, nil
}

// knock asks for a cookie, which costs a server nothing, as the first handshake does (SRT Internet-Draft, section 4.3.1.1).
func knock(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	const handshake = 0x8000 // a control packet of type 0
	p := binary.BigEndian.AppendUint32(nil, handshake<<16)
	p = append(p, make([]byte, 12)...)
	for _, v := range []uint32{4, 2, 0, 1500, 8192, 1} { // version, type of socket, first number, MTU, window, induction
		p = binary.BigEndian.AppendUint32(p, v)
	}
	var id [4]byte
	rand.Read(id[:])
	p = append(append(p, id[:]...), make([]byte, 4+16)...)
	answer := make([]byte, 1500)
	for until := time.Now().Add(answerWithin); time.Now().Before(until); {
		if _, err := conn.Write(p); err != nil {
			return errOf(ctx, err)
		}
		conn.SetReadDeadline(time.Now().Add(knockEvery))
		n, err := conn.Read(answer)
		switch late := net.Error(nil); {
		case err == nil && n >= len(p) && binary.BigEndian.Uint16(answer) == handshake:
			return nil
		case err != nil && !(errors.As(err, &late) && late.Timeout()):
			return errOf(ctx, err)
		}
	}
	return errNobody
}

func errOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
