package push

import (
	"errors"
	"io"
	"net/netip"
	"strings"
	"sync"

	"github.com/pion/transport/v4/packetio"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/address"
)

const (
	// maxSources is how many SSRCs a server may name in RTP and RTCP. The library keeps a stream for each until the connection ends; a
	// server names our two and a few of its own.
	maxSources = 16
	// maxUnread is how many bytes of one source wait to be read, as in the library.
	maxUnread = 100_000
)

var (
	errSources = errors.New("the server names too many sources")
	errAnswer  = errors.New("the answer is not to what was offered")
)

// sources bounds what a connection keeps of the sources that the other side names. Its methods may be called from any goroutine.
type sources struct {
	excess func() // called once, when there are too many; it must not block

	mu    sync.Mutex
	named map[uint32]struct{}
	over  bool
}

// buffer makes what holds the packets of a source until they are read: nothing where there are too many.
func (s *sources) buffer(_ packetio.BufferPacketType, ssrc uint32) io.ReadWriteCloser {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.named[ssrc]; !known && len(s.named) >= maxSources {
		if !s.over {
			s.over = true
			s.excess()
		}
		return dropped{}
	}
	if s.named == nil {
		s.named = map[uint32]struct{}{}
	}
	s.named[ssrc] = struct{}{}
	b := packetio.NewBuffer()
	b.SetLimitSize(maxUnread)
	return b
}

// dropped keeps nothing. Its error ends the reading of the packet that named the source.
type dropped struct{}

func (dropped) Read([]byte) (int, error)  { return 0, io.EOF }
func (dropped) Write([]byte) (int, error) { return 0, errSources }
func (dropped) Close() error              { return nil }

// checkAnswer refuses answers with sections that were not offered: for an application's the library would begin SCTP.
func checkAnswer(answer *webrtc.SessionDescription, offered int) error {
	parsed, err := answer.Unmarshal()
	if err != nil {
		return err
	}
	if len(parsed.MediaDescriptions) > offered {
		return errAnswer
	}
	for _, m := range parsed.MediaDescriptions {
		if kind := m.MediaName.Media; kind != "audio" && kind != "video" {
			return errAnswer
		}
	}
	return nil
}

// withoutPrivate is an offer without candidates that would tell the server of this machine's networks: those that are neither public nor in a
// network that may be connected to. They stay usable, since the first check from them tells where they are seen (RFC 8445, section 7.3.1.3), as
// behind NAT.
func withoutPrivate(offer string, d Dialer) string {
	var kept strings.Builder
	for line := range strings.Lines(offer) {
		if candidate, is := strings.CutPrefix(line, "a=candidate:"); is {
			fields := strings.Fields(candidate) // foundation component transport priority address
			if len(fields) < 5 {
				continue
			}
			a, err := netip.ParseAddr(fields[4])
			if err != nil || !address.IsGlobal(a.Unmap()) && !allows(d, a) {
				continue
			}
		}
		kept.WriteString(line)
	}
	return kept.String()
}

func allows(d Dialer, a netip.Addr) bool {
	ok, err := d.Allows(a)
	return ok && err == nil
}
