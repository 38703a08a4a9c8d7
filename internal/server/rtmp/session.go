package rtmp

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/mux/rtmp"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio/fanout"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// session is one connection from handshake to end. It runs on one goroutine at a time, a player that says nothing on none; RoomEvent and kick
// may be called by any.
type session struct {
	server  *Server
	conn    *conn
	peer    string       // remote address, for logs
	host    string       // its IP, for who may publish from where
	network netip.Prefix // for limits
	log     *slog.Logger

	app       string
	room      string // that it wants to publish into
	encoder   string // what the client calls itself
	codecs    fanout.Codecs
	connected bool
	streams   uint32 // message streams created
	stream    uint32 // message stream that is published

	publisher *publisher           // nil while nothing is published
	wantsPlay bool                 // it asked to play
	plays     bool                 // the connection is the stream's: we only read
	counted   bool                 // against the limits; guarded by the server's lock
	malformed [media.Video + 1]int // in a row, of each kind

	listening listening // of a player
}

func newSession(s *Server, c net.Conn) *session {
	peer := c.RemoteAddr().String()
	host, _, err := net.SplitHostPort(peer)
	if err != nil {
		host = peer
	}
	return &session{server: s, conn: newConn(c), peer: peer, host: host, network: limit.Network(peer), log: s.log.With("peer", peer)}
}

// run serves the connection until it ends, which it always closes, or until it rests.
func (s *session) run(serve func() error) {
	err := serve()
	if errors.Is(err, errRests) {
		return
	}
	defer s.finish()
	defer s.conn.net.Close()
	s.unpublish(room.LeftByItself)
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		s.log.Debug("connection ended")
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.log.Info("connection timed out")
	case isNetwork(err):
		s.log.Debug("connection lost", "error", err)
	case s.plays:
		s.log.Debug("player sent away", "error", err)
	case errors.Is(err, rtmp.ErrProtocol):
		s.log.Info("connection refused", "error", err)
	default:
		s.log.Info("client refused", "plays", s.wantsPlay, "error", err)
		if code, reason, ok := ingest.Why(err); ok && s.room != "" {
			s.server.stage.TurnAway(s.room, "rtmp", code, reason)
		}
		s.sayWhy(err)
	}
}

func isNetwork(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}

// sayWhy tells the client why it is sent away.
func (s *session) sayWhy(err error) {
	code, description := statusOf(err)
	if s.wantsPlay {
		code, description = playStatusOf(err)
	}
	var failed error
	if !s.connected {
		failed = s.conn.send(0, "_error", 1, nil, status("error", connectRejected, description))
	} else {
		failed = s.conn.send(max(s.stream, 1), "onStatus", 0, nil, status("error", code, description))
	}
	if failed == nil {
		s.conn.part()
	}
}

func (s *session) serve() error {
	if err := s.conn.handshake(); err != nil {
		return err
	}
	return s.hear()
}

// hear takes what the client says.
func (s *session) hear() error {
	dialogue := time.Now().Add(dialogueTimeout)
	for {
		switch {
		case s.plays: // what it has begun to say it must say in time; where it cannot rest it may say nothing
		case s.publisher == nil:
			s.conn.waitUntil(dialogue)
		default:
			s.conn.waitUntil(time.Now().Add(s.server.idle))
			dialogue = time.Now().Add(dialogueTimeout)
		}
		m, err := s.conn.read()
		if err != nil {
			return err
		}
		if err := s.handle(m); err != nil {
			return s.conn.because(err)
		}
		if s.plays && s.rest() {
			return errRests
		}
	}
}

func (s *session) handle(m rtmp.Message) error {
	switch m.Type {
	case rtmp.TypeCommandAMF0, rtmp.TypeCommandAMF3:
		return s.command(m)
	}
	p := s.publisher
	if p == nil || m.Stream != s.stream {
		return nil
	}
	switch m.Type {
	case rtmp.TypeDataAMF0:
		p.metadata(flv.ParseMetadata(m.Body))
	case rtmp.TypeAudio:
		return s.media(media.Audio, m)
	case rtmp.TypeVideo:
		return s.media(media.Video, m)
	}
	return nil
}

// media takes a sound or picture message. Now and then a broken one is dropped; who sends nothing else is sent away, and who may not publish it at once.
func (s *session) media(kind media.Kind, m rtmp.Message) error {
	given, err := s.publisher.write(kind, m.Timestamp, m.Body)
	switch {
	case err != nil && !isMalformed(err):
		return err
	case given:
		s.malformed[kind] = 0
		return nil
	case err == nil:
		return nil
	}
	switch s.malformed[kind]++; s.malformed[kind] {
	case 1:
		s.log.Warn("broken media dropped", "error", err)
	case ingest.ToldMalformed:
		s.publisher.Broken(kind, err)
	case ingest.MostMalformed:
		return fmt.Errorf("%w: %w", ingest.ErrBroken, err)
	}
	return nil
}

// command answers a command (section 7.2).
func (s *session) command(m rtmp.Message) error {
	name, transaction, arguments, err := parseCommand(m)
	if err != nil {
		return err
	}
	if !s.connected && name != "connect" {
		return fmt.Errorf("%w: command %q before connect", rtmp.ErrProtocol, name)
	}
	if s.plays && name != "closeStream" && name != "deleteStream" {
		return nil // pauses and the like: what is live goes on
	}
	switch name {
	case "connect":
		return s.connect(transaction, arguments)
	case "createStream":
		s.streams++
		return s.conn.send(0, "_result", transaction, nil, float64(s.streams))
	case "releaseStream", "FCPublish":
		return s.conn.send(0, "_result", transaction, nil, amf0.Undefined{})
	case "publish":
		return s.publish(m.Stream, text(arguments, 1))
	case "play", "play2":
		return s.play(m.Stream, text(arguments, 1))
	case "FCUnpublish", "closeStream", "deleteStream":
		if s.plays {
			return io.EOF
		}
		if s.publisher != nil {
			s.unpublish(room.LeftByItself)
			return s.conn.send(s.stream, "onStatus", 0, nil, status("status", unpublishSuccess, "Stopped."))
		}
	}
	return nil
}

func (s *session) connect(transaction float64, arguments []any) error {
	if s.connected {
		return fmt.Errorf("%w: second connect", rtmp.ErrProtocol)
	}
	s.app, s.encoder = property(arguments, 0, "app"), encoderName(property(arguments, 0, "flashVer"))
	s.codecs = fanout.ParseCodecs(fourCCs(arguments))
	if _, _, err := parseApplication(s.app); err != nil {
		return err
	}
	answer, err := command(0, "_result", transaction,
		amf0.Object{{Key: "fmsVer", Value: "FMS/3,5,7,7009"}, {Key: "capabilities", Value: float64(31)}},
		append(status("status", connectSuccess, "Connected."), amf0.ObjectEntry{Key: "objectEncoding", Value: float64(0)}))
	if err != nil {
		return err
	}
	s.connected = true
	return s.conn.write(rtmp.WindowAckSize(windowSize), rtmp.PeerBandwidth(windowSize), rtmp.SetChunkSize(chunkSize), answer)
}

func (s *session) publish(stream uint32, name string) error {
	if s.publisher != nil {
		return fmt.Errorf("%w: second publish", rtmp.ErrProtocol)
	}
	s.stream = stream
	a, err := parseAddress(s.app, name)
	if err != nil {
		return err
	}
	s.room = a.room
	ctx, cancel := s.conn.context()
	defer cancel()
	encoder, err := s.server.stage.AdmitEncoder(ctx, a.room, "rtmp", a.credential.From(s.host))
	if err != nil {
		return err
	}
	p := &publisher{named: encoder.Claims.Name != ""}
	observer := &ingest.Observer{Kick: s.conn.kick}
	participant, err := s.server.stage.enter(encoder, room.Program{Door: "rtmp", SDK: s.encoder}, observer)
	if err != nil {
		return err
	}
	log := s.log.With("room", a.room, "participant", participant.Self().Identity)
	p.Publisher = ingest.New(participant, "rtmp", s.conn.kicked, log)
	observer.Entered(p.Self().SID)
	s.publisher = p
	s.conn.reader.Limit(rtmp.DefaultLimits)
	log.Info("encoder publishes", "encoder", s.encoder)
	if err := s.conn.write(rtmp.StreamBegin(stream)); err != nil {
		return err
	}
	return s.conn.send(stream, "onStatus", 0, nil, status("status", publishStart, "Publishing."))
}

// unpublish ends what is published, if anything.
func (s *session) unpublish(why room.LeaveReason) {
	if p := s.publisher; p != nil {
		s.publisher = nil
		identity := p.Self().Identity
		p.Leave(why)
		s.log.Info("encoder stopped", "participant", identity)
	}
}

// encoderName makes a name for people of what an encoder calls itself.
func encoderName(s string) string {
	switch lower := strings.ToLower(s); {
	case strings.Contains(lower, "obs"):
		return "OBS"
	case strings.Contains(lower, "lavf"):
		return "ffmpeg"
	case strings.Contains(lower, "gstreamer"):
		return "GStreamer"
	}
	return "RTMP"
}
