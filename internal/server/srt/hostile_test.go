package srt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	gosrt "github.com/datarhei/gosrt"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// openStage lets everybody in, and takes whatever comes.
type openStage struct{ stage }

func (openStage) Admit(string, studio.Credential, studio.Action) (auth.Claims, error) {
	return auth.Claims{}, nil
}
func (openStage) TurnAway(string, string, string, string) {}
func (openStage) AdmitEncoder(context.Context, string, string, studio.Credential) (studio.Encoder, error) {
	return studio.Encoder{}, nil
}
func (openStage) enter(studio.Encoder, room.Program, studio.EncoderObserver) (ingest.Participant, error) {
	return anybody{}, nil
}

type anybody struct{}

func (anybody) Publish(room.Publication) (ingest.FrameWriter, error)    { return anybody{}, nil }
func (anybody) Self() room.Participant                                  { return room.Participant{} }
func (anybody) Unpublish(string) error                                  { return nil }
func (anybody) ChangePublication(string, func(*room.Publication)) error { return nil }
func (anybody) Update(_, _ *string, _ map[string]string) error          { return nil }
func (anybody) Leave(room.LeaveReason)                                  {}
func (anybody) WriteFrame(*media.Frame) error                           { return nil }

// openDoor is one that lets everybody in, for so many at a time.
func openDoor(t testing.TB, most int) *Server {
	t.Helper()
	return openDoorThatTells(t, most, slog.DiscardHandler, usual)
}

func openDoorThatTells(t testing.TB, most int, log slog.Handler, bounds limits) *Server {
	t.Helper()
	s, err := Listen(Options{Address: "127.0.0.1:0", Log: slog.New(log), MaxPerAddress: most})
	if err != nil {
		t.Fatal(err)
	}
	s.stage, s.limits = openStage{}, bounds
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), <-served); err != nil {
			t.Error(err)
		}
	})
	return s
}

// caller speaks to a door in packets of its own making.
type caller struct {
	t      testing.TB
	conn   net.Conn
	cookie uint32
	peer   uint32 // the socket id of the connection that stands, 0 for none
}

func dialRaw(t testing.TB, s *Server) *caller {
	t.Helper()
	conn, err := net.Dial("udp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &caller{t: t, conn: conn}
}

const (
	controlHandshake = 0
	induction        = 1
	conclusion       = 0xffffffff
)

// control is a control packet (SRT Internet-Draft, section 3.2).
func control(kind uint16, subtype uint16, specific, socket uint32, body []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, 0x8000|kind)
	b = binary.BigEndian.AppendUint16(b, subtype)
	b = binary.BigEndian.AppendUint32(b, specific)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, socket)
	return append(b, body...)
}

// handshake is one's body (section 3.2.1).
func handshake(version uint32, encryption, extension uint16, mtu, kind, id, cookie uint32, extensions ...[]byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, version)
	b = binary.BigEndian.AppendUint16(b, encryption)
	b = binary.BigEndian.AppendUint16(b, extension)
	for _, v := range []uint32{7, mtu, 8192, kind, id, cookie, 0x0100007f, 0, 0, 0} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	for _, e := range extensions {
		b = append(b, e...)
	}
	return b
}

// extension is one of a handshake's: so many words of 32 bit.
func extension(kind uint16, body []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)/4))
	return append(b, body...)
}

var (
	hsreq = extension(1, []byte{0, 1, 5, 3, 0, 0, 0, 0xbf, 0, 120, 0, 120})
	// sid has the stream id "room?key=k", each word backwards.
	sid = extension(5, []byte("moor"+"yek?"+"\x00\x00k="))
	// kmreq is for AES-128 with an even key.
	kmreq = extension(3, append([]byte{0x12, 0x20, 0x29, 1, 0, 0, 0, 0, 2, 0, 2, 0, 0, 0, 4, 4}, make([]byte, 16+24)...))
)

// answers reads until a control packet of a kind has come, of which it gives the body.
func (c *caller) answers(kind uint16, ask []byte) []byte {
	c.t.Helper()
	b := make([]byte, 2048)
	for begun := time.Now(); time.Since(begun) < time.Minute; {
		if _, err := c.conn.Write(ask); err != nil {
			c.t.Fatal(err)
		}
		for c.conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); ; {
			n, err := c.conn.Read(b)
			if err != nil {
				break // it is asked again
			}
			if n >= 16 && binary.BigEndian.Uint16(b) == 0x8000|kind {
				return b[16:n]
			}
		}
	}
	c.t.Fatal("the door does not answer any more")
	return nil
}

// induct asks for a cookie, which also tells that the door is open.
func (c *caller) induct() {
	c.t.Helper()
	for {
		body := c.answers(controlHandshake, control(controlHandshake, 0, 0, 0, handshake(4, 0, 2, 1500, induction, 1, 0)))
		if len(body) >= 48 && binary.BigEndian.Uint32(body[20:]) == induction {
			c.cookie = binary.BigEndian.Uint32(body[28:])
			return
		}
	}
}

// conclude has a connection made.
func (c *caller) conclude(id uint32) {
	c.t.Helper()
	for {
		body := c.answers(controlHandshake, control(controlHandshake, 0, 0, 0, handshake(5, 0, 5, 1500, conclusion, id, c.cookie, hsreq, sid)))
		if len(body) >= 48 && binary.BigEndian.Uint32(body[20:]) == conclusion {
			c.peer = binary.BigEndian.Uint32(body[24:])
			return
		}
	}
}

// refusal is why a handshake is refused.
func (c *caller) refusal(ask []byte) gosrt.RejectionReason {
	c.t.Helper()
	body := c.answers(controlHandshake, control(controlHandshake, 0, 0, 0, ask))
	for binary.BigEndian.Uint32(body[20:]) == induction { // a cookie that was asked for twice
		body = c.answers(controlHandshake, nil)
	}
	return gosrt.RejectionReason(binary.BigEndian.Uint32(body[20:]))
}

// seeds are packets as they should be, or nearly.
func seeds(cookie, id, peer uint32) [][]byte {
	all := [][]byte{
		control(controlHandshake, 0, 0, 0, handshake(5, 0, 5, 1500, conclusion, id, cookie, hsreq, sid)),
		control(controlHandshake, 0, 0, 0, handshake(5, 2, 7, 1500, conclusion, id, cookie, hsreq, kmreq, sid)),
		control(controlHandshake, 0, 0, 0, handshake(4, 0, 2, 1500, conclusion, id, cookie, sid)),
		control(controlHandshake, 0, 0, 0, handshake(5, 0, 5, 0, conclusion, id, cookie, hsreq, sid)),
		control(controlHandshake, 0, 0, 0, handshake(5, 0, 5, 40, conclusion, id, cookie, hsreq, sid)),
		control(controlHandshake, 0, 0, 0, handshake(5, 0, 5, 0xffffffff, conclusion, id, cookie, hsreq, sid)),
		control(controlHandshake, 0, 0, 0, handshake(5, 0, 5, 1500, conclusion, id, cookie, hsreq, extension(6, []byte("evil")), extension(7, nil), extension(8, make([]byte, 8)))),
		control(controlHandshake, 0, 0, 0, handshake(5, 0, 5, 1500, 1010, id, cookie)),
		{}, {0x80}, make([]byte, 16),
	}
	for kind := range uint16(10) { // each control packet, and none of them with a body that is long enough
		for _, n := range []int{0, 1, 4, 16, 28, 64} {
			all = append(all, control(kind, 0, 5, peer, make([]byte, n)))
		}
	}
	for subtype := range uint16(9) {
		all = append(all, control(0x7fff, subtype, 0, peer, hsreq[4:]), control(0x7fff, subtype, 0, peer, kmreq[4:]), control(0x7fff, subtype, 0, peer, []byte{3, 0, 0, 0}))
	}
	data := func(number, message, timestamp uint32) []byte {
		b := binary.BigEndian.AppendUint32(nil, number&0x7fffffff)
		b = binary.BigEndian.AppendUint32(b, message)
		b = binary.BigEndian.AppendUint32(b, timestamp)
		b = binary.BigEndian.AppendUint32(b, peer)
		return append(b, make([]byte, 1316)...)
	}
	return append(all, data(7, 0xc0000001, 0), data(0x40000000, 0xc0000001, 1<<31), data(6, 0xd8000001, 0xffffffff), data(9, 0, 5), data(8, 0xc4000001, 1)[:16])
}

// TestNoPacketEndsTheDoor sends the door what nobody honest does, with handshakes that go through as far as they can and to connections that stand. It goes
// on to take whoever comes, and has forgotten all of them in the end.
func TestNoPacketEndsTheDoor(t *testing.T) {
	s := openDoor(t, 1<<20)
	before := runtime.NumGoroutine()
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 40 {
		c := dialRaw(t, s)
		c.induct()
		c.conclude(uint32(1000 + round))
		for range 250 {
			all := seeds(c.cookie, random.Uint32(), c.peer)
			p := all[random.IntN(len(all))]
			for range random.IntN(4) { // the cookie and the addressee stay
				if i := 16 + random.IntN(max(len(p)-16, 1)); i < len(p) && (i < 44 || i >= 48) {
					p[i] = byte(random.Uint32())
				}
			}
			if random.IntN(4) == 0 {
				p = p[:random.IntN(len(p)+1)]
			}
			if _, err := c.conn.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		c.induct()
		c.conn.Write(control(5, 0, 0, c.peer, nil)) // a shutdown
		c.conn.Close()
	}
	config := gosrt.DefaultConfig()
	config.StreamId = "room?key=k"
	honest, err := gosrt.Dial("srt", s.Addr().String(), config)
	if err != nil {
		t.Fatalf("SRT takes nobody any more: %v", err)
	}
	honest.Close()
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) { // those that say nothing are given up after some seconds
		s.mu.Lock()
		n := len(s.sessions)
		s.mu.Unlock()
		if n == 0 && runtime.NumGoroutine() <= before+5 {
			break
		}
		if time.Since(begun) > time.Minute {
			t.Fatalf("%d sessions are left, and %d goroutines instead of %d", n, runtime.NumGoroutine(), before)
		}
	}
}

// TestPacketsOfNoSizeAreRefused: of such the library makes a buffer of 4 GiB.
func TestPacketsOfNoSizeAreRefused(t *testing.T) {
	s := openDoor(t, 16)
	c := dialRaw(t, s)
	c.induct()
	for i, mtu := range []uint32{0, 43, 75} {
		if _, err := c.conn.Write(control(controlHandshake, 0, 0, 0, handshake(5, 0, 5, mtu, conclusion, uint32(i+1), c.cookie, hsreq, sid))); err != nil {
			t.Fatal(err)
		}
		c.induct()
		if got := s.crashed.Load(); got != uint64(i+1) {
			t.Errorf("packets of %d bytes: %d handshakes are refused, want %d", mtu, got, i+1)
		}
	}
	for _, mtu := range []uint32{1501, 9000, 0xffffffff} { // encoders may be set so, and are told
		if why := c.refusal(handshake(5, 0, 5, mtu, conclusion, 50, c.cookie, hsreq, sid)); why != gosrt.REJ_ROGUE {
			t.Errorf("packets of %d bytes: the answer is %d", mtu, why)
		}
	}
	if got := s.crashed.Load(); got != 3 {
		t.Errorf("%d handshakes had no answer", got)
	}
	c.conclude(100)
}

// lines are what is logged.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	select {
	case l <- string(p):
	default:
	}
	return len(p), nil
}

// flood sends packets until a line is logged of connections that end, of which it gives the first, and how many were sent. write sends some.
func flood(t *testing.T, told lines, write func(number uint32) error) (line string, sent int) {
	t.Helper()
	deadline, tick := time.After(time.Minute), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case line := <-told:
			if strings.Contains(line, "encoder stopped") {
				return line, sent
			}
		case <-tick.C: // slowly enough for the system to take them
			for range 10 {
				if err := write(uint32(sent)); err != nil {
					t.Fatal(err)
				}
				sent++
			}
		case <-deadline:
			t.Fatal("it is held")
		}
	}
}

// data sends a whole message. The first of a connection has the number 7.
func (c *caller) data(number, timestamp uint32, payload []byte) error {
	b := binary.BigEndian.AppendUint32(nil, number)
	for _, v := range []uint32{0xc0000001, timestamp, c.peer} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	_, err := c.conn.Write(append(b, payload...))
	return err
}

// TestWhatIsFarAheadIsNotHeldForever sends packets that say that their time comes in half an hour.
func TestWhatIsFarAheadIsNotHeldForever(t *testing.T) {
	for name, payload := range map[string][]byte{"full": make([]byte, 1316), "a byte": {0}, "empty": nil} {
		t.Run(name, func(t *testing.T) {
			told, bounds := make(lines, 100), usual
			bounds.held, bounds.idle = 1000, time.Hour
			s := openDoorThatTells(t, 16, slog.NewTextHandler(told, nil), bounds)
			c := dialRaw(t, s)
			c.induct()
			c.conclude(9)
			line, sent := flood(t, told, func(number uint32) error { return c.data(7+number, 1<<31, payload) })
			if !strings.Contains(line, errAhead.Error()) || sent <= 1000 {
				t.Errorf("after %d packets: %s", sent, line)
			}
		})
	}
}

// TestManyTogetherAreNotHeldForever: of several that send far ahead, none too much by itself, the one that has most is ended, and the rest is let be.
func TestManyTogetherAreNotHeldForever(t *testing.T) {
	told, bounds := make(lines, 100), usual
	bounds.held, bounds.heldByAll, bounds.idle = 1<<40, 12_000, time.Hour // some seconds, since each is looked at in its turn
	s := openDoorThatTells(t, 16, slog.NewTextHandler(told, nil), bounds)
	callers := make([]*caller, 4)
	for i := range callers {
		callers[i] = dialRaw(t, s)
		callers[i].induct()
		callers[i].conclude(uint32(20 + i))
	}
	line, sent := flood(t, told, func(number uint32) error { // the last sends twice as much as each of the others
		turn := min(number%5, 3)
		if turn == 3 {
			return callers[3].data(7+number/5*2+number%5-3, 1<<31, nil)
		}
		return callers[turn].data(7+number/5, 1<<31, nil)
	})
	if !strings.Contains(line, errAhead.Error()) || !strings.Contains(line, callers[3].conn.LocalAddr().String()) || sent <= 12_000 {
		t.Errorf("after %d packets: %s", sent, line)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sessions) < 3 {
		t.Errorf("%d sessions are left", len(s.sessions))
	}
}

// TestWhatHasComeIsNotSearchedForForever sends the newest of many packets again and again: the library looks at all of them for it.
func TestWhatHasComeIsNotSearchedForForever(t *testing.T) {
	for name, bounds := range map[string]limits{"by itself": {searched: 5000, searchedByAll: math.Inf(1)}, "of all": {searched: 20_000, searchedByAll: 5000}} {
		t.Run(name, func(t *testing.T) {
			told := make(lines, 100)
			bounds.held, bounds.heldByAll, bounds.unanswered, bounds.idle = 1<<40, 1<<40, 1<<31, time.Hour
			s := openDoorThatTells(t, 16, slog.NewTextHandler(told, nil), bounds)
			other := dialRaw(t, s)
			other.induct()
			other.conclude(30)
			c := dialRaw(t, s)
			c.induct()
			c.conclude(9)
			const waiting = 500
			line, sent := flood(t, told, func(number uint32) error {
				if number > waiting { // the one before is missing, so that nothing is acknowledged
					number = waiting
				}
				return c.data(8+number, 1<<31, nil)
			})
			if !strings.Contains(line, errAgain.Error()) || !strings.Contains(line, c.conn.LocalAddr().String()) || sent <= waiting {
				t.Errorf("after %d packets: %s", sent, line)
			}
		})
	}
}

// TestSwappedPairsAreNotSearchedForForever sends each two packets in the wrong order, while many wait: the library passes all of them for the second.
func TestSwappedPairsAreNotSearchedForForever(t *testing.T) {
	told, bounds := make(lines, 100), usual
	bounds.searched, bounds.searchedByAll = 5000, math.Inf(1)
	bounds.held, bounds.heldByAll, bounds.unanswered, bounds.idle = 1<<40, 1<<40, 1<<31, time.Hour
	s := openDoorThatTells(t, 16, slog.NewTextHandler(told, nil), bounds)
	c := dialRaw(t, s)
	c.induct()
	c.conclude(9)
	const waiting = 500
	line, sent := flood(t, told, func(number uint32) error {
		if number >= waiting {
			number ^= 1
		}
		return c.data(7+number, 1<<31, nil)
	})
	if !strings.Contains(line, errAgain.Error()) || sent <= waiting {
		t.Errorf("after %d packets: %s", sent, line)
	}
}

// TestTwoTogetherAreNotSearchedForForever: of two that have packets searched for, none too much by itself, the one that has most is ended.
func TestTwoTogetherAreNotSearchedForForever(t *testing.T) {
	told, bounds := make(lines, 100), usual
	bounds.searched, bounds.searchedByAll = math.Inf(1), 200_000
	bounds.held, bounds.heldByAll, bounds.unanswered, bounds.idle = 1<<40, 1<<40, 1<<31, time.Hour
	s := openDoorThatTells(t, 16, slog.NewTextHandler(told, nil), bounds)
	callers := make([]*caller, 2)
	for i := range callers {
		callers[i] = dialRaw(t, s)
		callers[i].induct()
		callers[i].conclude(uint32(20 + i))
	}
	const waiting = 500
	line, sent := flood(t, told, func(number uint32) error {
		if number < 2*waiting { // the first is missing
			return callers[number%2].data(8+number/2, 1<<31, nil)
		}
		return callers[min(number%5, 1)].data(7+waiting, 1<<31, nil) // the second sends four times as much
	})
	if !strings.Contains(line, errAgain.Error()) || !strings.Contains(line, callers[1].conn.LocalAddr().String()) || sent <= 2*waiting {
		t.Errorf("after %d packets: %s", sent, line)
	}
}

// TestWhoAnswersNothingIsSentAway: each acknowledgement that is not answered is remembered. Who answers may stay, and the first alone is no answer.
func TestWhoAnswersNothingIsSentAway(t *testing.T) {
	told, bounds := make(lines, 100), usual
	bounds.unanswered, bounds.idle = 300, time.Hour
	s := openDoorThatTells(t, 16, slog.NewTextHandler(told, nil), bounds)
	config := gosrt.DefaultConfig()
	config.StreamId = "room?key=k"
	honest, err := gosrt.Dial("srt", s.Addr().String(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer honest.Close()
	c := dialRaw(t, s)
	c.induct()
	c.conclude(9)
	const keepAlive, ackAck = 1, 6
	line, _ := flood(t, told, func(number uint32) error {
		c.conn.Write(control(ackAck, 0, 1, c.peer, nil))
		_, err := c.conn.Write(control(keepAlive, 0, 0, c.peer, nil))
		return err
	})
	if !strings.Contains(line, errUnanswered.Error()) || !strings.Contains(line, c.conn.LocalAddr().String()) {
		t.Error(line)
	}
	a, ok := s.acks.Load(honest.PeerSocketId())
	if !ok {
		t.Fatal("the honest one was sent away")
	}
	if sent, n := a.(*acks).sent.Load(), a.(*acks).unanswered(); sent == 0 || n > 200 {
		t.Errorf("the honest one answered all but %d of %d", n, sent)
	}
}

// TestNoneCountsForMoreThanWasSent: who answers what was not sent yet has answered what was.
func TestNoneCountsForMoreThanWasSent(t *testing.T) {
	printed := func(n uint32) func() string {
		return func() string { return fmt.Sprintf("   subType=0x0000\n   typeSpecific=%#08x\ndata", n) }
	}
	var a acks
	for _, step := range []struct {
		sent, answered uint32
		want           uint32
	}{
		{1, 0, 1}, {100, 0, 100}, {100, 40, 60}, {200, 30, 160}, {300, 1 << 30, 0}, {400, 0, 100}, {500, 499, 1},
		{0, 499, 1}, // a light one
	} {
		a.ask()
		a.goes(printed(step.sent))
		a.isAnswered(printed(step.answered))
		if got := a.unanswered(); got != step.want {
			t.Errorf("after %+v: %d are unanswered", step, got)
		}
	}
}

// crashing is a request on which the library panics.
type crashing struct {
	gosrt.ConnRequest
	refused gosrt.RejectionReason
}

func (*crashing) Accept() (gosrt.Conn, error)      { panic("cut short") }
func (c *crashing) Reject(r gosrt.RejectionReason) { c.refused = r; panic("again") }

// TestARequestThatCrashesIsForgotten: else the library keeps its socket ids for good.
func TestARequestThatCrashesIsForgotten(t *testing.T) {
	var c crashing
	if _, err := connect(&c); !errors.Is(err, errHandshake) || c.refused != gosrt.REJ_IPE {
		t.Errorf("%v, refused with %d", err, c.refused)
	}
}

// TestTheOldHandshakeIsRefused: what comes after one may end the library, and it has no stream id.
func TestTheOldHandshakeIsRefused(t *testing.T) {
	s := openDoor(t, 16)
	c := dialRaw(t, s)
	c.induct()
	if why := c.refusal(handshake(4, 0, 2, 1500, conclusion, 5, c.cookie, sid)); why != gosrt.REJ_VERSION {
		t.Errorf("the answer is %d", why)
	}
}

// FuzzPackets sends a packet to a door: as a handshake, with the cookie that it must have, or to a connection that stands.
func FuzzPackets(f *testing.F) {
	s := openDoor(f, 1<<20)
	for _, p := range seeds(0, 9, 0) {
		f.Add(p, p)
	}
	id := uint32(1 << 16)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		c := dialRaw(t, s)
		c.induct()
		id += 1 << 8
		c.conclude(id)
		for i, p := range [][]byte{first, second} {
			if p = append([]byte(nil), p...); len(p) >= 48 && p[0] == 0x80 && p[1] == 0 {
				binary.BigEndian.PutUint32(p[12:], 0)
				binary.BigEndian.PutUint32(p[40:], id+1+uint32(i))
				binary.BigEndian.PutUint32(p[44:], c.cookie)
			} else if len(p) >= 16 {
				binary.BigEndian.PutUint32(p[12:], c.peer)
			}
			c.conn.Write(p[:min(len(p), 1500)])
		}
		c.induct()
		c.conn.Write(control(5, 0, 0, c.peer, nil))
		c.conn.Close()
	})
}

// FuzzStreamID reads what nobody has vouched for.
func FuzzStreamID(f *testing.F) {
	for _, id := range []string{"room?key=k", "live/room/k", "#!::r=room,m=publish,key=k", "#!::r=%2e%2e,u=x", "publish:room:k", "read:room", "?", "%zz?%zz=%zz", "#!::", "#!::=,,==,m"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		a, err := parseStreamID(id)
		if (err == nil) == (a.room == "") {
			t.Errorf("%q is read as %+v, %v", id, a, err)
		}
		if err != nil && fmt.Sprint(err) == "" {
			t.Error("nothing is said of it")
		}
	})
}
