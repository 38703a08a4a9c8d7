package whip

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// Reasons for the end of a session.
var (
	errDeleted     = errors.New("deleted by its client")
	errProgramOver = errors.New("program ended")
	errRefused     = errors.New("offer refused")
)

// session is one WHIP or WHEP client. It ends once: by DELETE, when its peer closes, when the room lets it go, or with
// the server.
type session struct {
	server *Server
	path   path
	id     string
	slot   slot
	log    *slog.Logger
	// observer hears when the room ends it.
	observer *ingest.Observer

	// peer, participant and watcher are set before others know the session; one of the last two is nil.
	peer        peer
	participant participant
	watcher     watcher

	once  sync.Once
	ended chan struct{}

	// pictureLine is which of a viewer's sections is for the picture, listening how many follow its layers.
	pictureLine int
	listening   atomic.Int32

	negotiation sync.Mutex
	offer       string // the last one, for ICE restarts
	tag         string // entity tag of the ICE session

	mu        sync.Mutex
	inbounds  []*rtc.Inbound
	published map[room.Source]bool
	inside    bool  // it has entered
	failed    error // why it ended before that
}

func (s *Server) newSession(p path, sl slot) *session {
	id := strings.ToLower(rand.Text())
	x := &session{
		server: s, path: p, id: id, slot: sl, ended: make(chan struct{}), published: map[room.Source]bool{},
		log: s.log.With("room", p.room, "protocol", p.verb, "session", id[:6]),
		tag: newTag(),
	}
	x.observer = &ingest.Observer{Kick: x.kick}
	return x
}

// newTag names an ICE session (RFC 9725, section 4.3.1).
func newTag() string { return `"` + strings.ToLower(rand.Text()[:12]) + `"` }

// location is the session's address.
func (x *session) location() string { return x.path.endpoint() + "/" + x.id }

// end ends the session and leaves the room.
func (x *session) end(why error) {
	x.once.Do(func() {
		close(x.ended)
		if x.peer != nil {
			x.peer.Close()
		}
		if x.watcher != nil {
			x.watcher.Close()
		}
		if x.participant != nil {
			x.participant.Leave(leaveReason(why))
		}
		x.slot.release()
		if !errors.Is(why, errRefused) {
			x.log.Info("session ended", "reason", why)
		}
		x.server.forget(x)
	})
}

func leaveReason(why error) room.LeaveReason {
	switch {
	case errors.Is(why, rtc.ErrTimeout):
		return room.LeftTimeout
	case errors.Is(why, ingest.ErrShutdown):
		return room.LeftServerShutdown
	}
	return room.LeftByItself
}

// entered takes the participant in whose name the session publishes, and publishes what was offered.
func (x *session) entered(p participant) error {
	x.participant = p
	x.observer.Entered(p.Self().SID)
	x.mu.Lock()
	x.inside = true
	waiting, failed := x.inbounds, x.failed
	x.inbounds = nil
	x.mu.Unlock()
	if failed != nil {
		return failed
	}
	for _, in := range waiting {
		if err := p.PublishInbound(x.publication(in), in); err != nil {
			return fmt.Errorf("publishing %v: %w", in.Kind, err)
		}
	}
	return nil
}

// sections is how many sections the client sends in.
func (x *session) sections() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.inbounds)
}

// publication describes a section: the first picture is a camera, the second a screen.
func (x *session) publication(in *rtc.Inbound) room.Publication {
	pub := room.Publication{
		SID: room.NewSID("TR_"), CID: in.TrackID, MID: in.Mid, Name: in.Kind.String(), Kind: in.Kind,
		Source: sourceOf(in.Kind, false), Stream: x.path.verb,
	}
	if x.published[pub.Source] {
		pub.Source = sourceOf(in.Kind, true)
	}
	x.published[pub.Source] = true
	for i, rid := range in.RIDs {
		if i > 2 {
			break
		}
		pub.Layers = append(pub.Layers, room.PublishedLayer{RID: rid, Quality: uint8(i)})
	}
	return pub
}

// PeerConnected implements rtc.Handler.
func (x *session) PeerConnected() {
	x.slot.connected()
	x.log.Info("connected")
}

// PeerClosed implements rtc.Handler.
func (x *session) PeerClosed(err error) { go x.end(err) }

// InboundAdded implements rtc.Handler. It comes while the offer is set, before the participant enters.
func (x *session) InboundAdded(in *rtc.Inbound) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.inbounds) < maxSections {
		x.inbounds = append(x.inbounds, in)
	}
}

// InboundRemoved implements rtc.Handler. Sections do not change without an offer, and there is one only.
func (x *session) InboundRemoved(*rtc.Inbound) {}

// DataChannel implements rtc.Handler.
func (x *session) DataChannel(dc *rtc.DataChannel) { go dc.Close() }

// kick ends the session from within the room. Before the session has entered, its making fails.
func (x *session) kick(why error) {
	x.mu.Lock()
	entering := !x.inside
	if entering {
		x.failed = why
	}
	x.mu.Unlock()
	if !entering {
		go x.end(why)
	}
}
