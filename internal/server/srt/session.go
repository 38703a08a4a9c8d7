package srt

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/ts"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/intake"
	"github.com/tuttilive/tutti/internal/srt"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// session is one connection. It runs on one goroutine; kick may be called by any.
type session struct {
	server  *Server
	host    string       // for who may publish from where
	network netip.Prefix // for limits
	log     *slog.Logger

	mu     sync.Mutex
	conn   *srt.Conn // nil before it is accepted
	reason error     // why it was kicked
	kicked chan struct{}
}

// kick ends the connection for a reason. It does not block.
func (x *session) kick(reason error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.reason != nil {
		return
	}
	x.reason = reason
	close(x.kicked)
	if x.conn != nil {
		x.conn.Close()
	}
}

// request is an encoder that wants a connection.
type request interface {
	StreamID() string
	IsEncrypted() bool
	Unlock(passphrase string) error
	Accept() (*srt.Conn, error)
	Reject(srt.Reason)
}

// run answers a request and takes the stream until it ends. The participant enters before the connection is accepted, since who is refused
// is told why only then.
func (x *session) run(req request) {
	a, err := parseStreamID(req.StreamID())
	if err == nil { // before the work that a passphrase is, which is not for whoever shows nothing
		_, err = x.server.stage.Admit(a.room, a.credential.From(x.host), studio.ToPublish)
	}
	if err == nil {
		err = x.decrypt(req, a)
	}
	var participant ingest.Participant
	if err == nil {
		participant, err = x.enter(a)
	}
	if err != nil {
		x.log.Info("encoder refused", "room", a.room, "error", err)
		x.turnedAway(a.room, err)
		req.Reject(rejection(err))
		return
	}
	defer participant.Leave(room.LeftByItself)
	conn, err := req.Accept()
	if err != nil {
		x.log.Debug("connection failed", "error", err)
		return
	}
	defer conn.Close()
	x.mu.Lock()
	x.conn = conn
	err = x.reason
	x.mu.Unlock()
	if err == nil {
		err = x.take(conn, x.server.idle+conn.Latency(), a, participant)
	}
	x.mu.Lock()
	if x.reason != nil {
		err = x.reason
	}
	x.mu.Unlock()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	n := conn.Counts()
	x.log.Info("encoder stopped", "room", a.room, "error", err, "packets", n.Received, "bytes", n.Bytes, "lost", n.Lost, "recovered", n.Recovered,
		"dropped", n.Dropped, "repeated", n.Repeated, "late", n.Late, "again", n.Again)
	x.turnedAway(a.room, err)
}

// turnedAway tells the hosts of a room why an encoder was not let in or sent away: SRT has no words for that once a connection stands.
func (x *session) turnedAway(roomName string, err error) {
	if code, reason, ok := why(err); ok {
		x.server.stage.TurnAway(roomName, "srt", code, reason)
	}
}

// why is as ingest.Why, for what only SRT has too.
func why(err error) (code, reason string, ok bool) {
	switch {
	case errors.Is(err, srt.ErrPassphrase):
		return "passphrase", err.Error(), true
	case errors.Is(err, srt.ErrCipher):
		return "cipher", err.Error(), true
	case errors.Is(err, errUnencrypted):
		return "unencrypted", err.Error(), true
	}
	return ingest.Why(err)
}

// enter comes into the room.
func (x *session) enter(a address) (ingest.Participant, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-x.kicked:
			cancel()
		case <-ctx.Done():
		}
	}()
	encoder, err := x.server.stage.AdmitEncoder(ctx, a.room, "srt", a.credential.From(x.host))
	if err != nil {
		return nil, err
	}
	observer := &ingest.Observer{Kick: x.kick}
	participant, err := x.server.stage.enter(encoder, room.Program{Door: "srt", SDK: "SRT"}, observer)
	if err != nil {
		return nil, err
	}
	observer.Entered(participant.Self().SID)
	return participant, nil
}

var (
	errUnencrypted = errors.New("connections must be encrypted with the server's passphrase")
	errIdle        = errors.New("the encoder sends nothing")
	// errAhead the hosts hear of: an honest encoder may be set so.
	errAhead = &room.Refusal{Code: "latency", Message: "more waits for its time than the server holds: the latency is too long for the bitrate"}
)

// decrypt sets the passphrase of a connection that is encrypted.
func (x *session) decrypt(req request, a address) error {
	passphrase := x.server.passphrase
	switch {
	case !req.IsEncrypted() && passphrase != "":
		return errUnencrypted
	case !req.IsEncrypted():
		return nil
	case passphrase == "":
		passphrase = a.credential.Key
	}
	return req.Unlock(passphrase)
}

// rejection says why an encoder is not let in, in SRT's terms.
func rejection(err error) srt.Reason {
	var no *room.Refusal
	switch {
	case errors.As(err, &no) && no.Code == "unavailable":
		return srt.Overload
	case errors.As(err, &no):
		return srt.Forbidden
	case errors.Is(err, srt.ErrPassphrase):
		return srt.BadSecret
	case errors.Is(err, srt.ErrCipher):
		return srt.Crypto
	case errors.Is(err, errUnencrypted):
		return srt.Unsecure
	case errors.Is(err, auth.ErrMissing), errors.Is(err, auth.ErrInvalid), errors.Is(err, auth.ErrExpired), errors.Is(err, studio.ErrKeyOver):
		return srt.Unauthorized
	case errors.Is(err, auth.ErrDenied), errors.Is(err, room.ErrNotAllowed), errors.Is(err, studio.ErrFrom):
		return srt.Forbidden
	case errors.Is(err, studio.ErrTooOften), errors.Is(err, room.ErrFull), errors.Is(err, studio.ErrShutdown):
		return srt.Overload
	case errors.Is(err, intake.ErrPublished):
		return srt.Conflict
	case errors.Is(err, errMode):
		return srt.BadMode
	case errors.Is(err, errStreamID), errors.Is(err, room.ErrBadName):
		return srt.BadRequest
	}
	return srt.Internal
}

// take publishes what comes, unless nothing comes for an idle time.
func (x *session) take(conn io.Reader, idle time.Duration, a address, participant ingest.Participant) error {
	log := x.log.With("room", a.room, "participant", participant.Self().Identity)
	log.Info("encoder publishes")
	publisher := ingest.New(participant, "srt", x.kicked, log)
	demuxer := ts.New(publisher.Write)
	demuxer.LeftOut = publisher.LeftOut
	packet := make([]byte, 2048)
	silent := time.AfterFunc(idle, func() { x.kick(errIdle) })
	defer silent.Stop()
	for {
		n, err := conn.Read(packet)
		if errors.Is(err, srt.ErrFull) {
			return errAhead
		}
		if err != nil {
			return err
		}
		silent.Reset(idle)
		if err := demuxer.Write(packet[:n], media.Now()); err != nil {
			return err
		}
	}
}
