package livekit

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
)

// Outcomes of a request, as the client that sent it sees them.
const (
	silence   = ""                 // nothing comes of it
	sentAway  = "leave DISCONNECT" // the session is over
	sentAnew  = "leave RECONNECT"
	goes      = "the connection ends"
	notFound  = "NOT_FOUND"
	published = "published"
	answered  = "answer"
)

// stuff fills a message with as much of everything as goes into a frame of its kind.
func stuff(m protoreflect.Message, deep int) {
	many, long := []int{4, 12, 8}[min(deep, 2)], []int{12 << 10, 200, 40}[min(deep, 2)]
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch {
		case f.IsMap():
			entries := m.Mutable(f).Map()
			for n := range many {
				entries.Set(protoreflect.ValueOfString(fmt.Sprint(n)).MapKey(), protoreflect.ValueOfString(strings.Repeat("x", long)))
			}
		case f.IsList() && f.Kind() == protoreflect.MessageKind:
			for range many {
				stuffInto(m.Mutable(f).List().AppendMutable().Message(), deep)
			}
		case f.IsList():
			for range many {
				m.Mutable(f).List().Append(most(f, long))
			}
		case f.Kind() == protoreflect.MessageKind:
			stuffInto(m.Mutable(f).Message(), deep)
		default:
			m.Set(f, most(f, long))
		}
	}
}

func stuffInto(m protoreflect.Message, deep int) {
	if deep < 4 {
		stuff(m, deep+1)
	}
}

// most is the value of a field that is hardest to bear.
func most(f protoreflect.FieldDescriptor, long int) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(strings.Repeat("x", long))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(strings.Repeat("\xff", long)))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(math.MaxInt32)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(math.MinInt32)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(math.MinInt64)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(math.MaxUint32)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(math.MaxUint64)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(math.NaN()))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(math.NaN())
	}
	panic(fmt.Sprint("no value for a ", f.Kind()))
}

// outcome is what comes of something that was sent.
func (c *wire) outcome() string {
	c.t.Helper()
	const mark = 4242
	data, err := proto.Marshal(&pb.SignalRequest{Message: &pb.SignalRequest_PingReq{PingReq: &pb.Ping{Timestamp: mark}}})
	if err != nil {
		c.t.Fatal(err)
	}
	_ = c.ws.Write(c.ctx, websocket.MessageBinary, data) // unless it has been cut off already
	seen := silence
	for {
		res, err := c.read()
		switch {
		case err != nil && seen == silence:
			return goes
		case err != nil:
			return seen
		case res.GetPongResp().GetLastPingTimestamp() == mark:
			return seen
		case res.GetLeave() != nil:
			seen = "leave " + res.GetLeave().Action.String()
		case res.GetRequestResponse() != nil:
			seen = res.GetRequestResponse().Reason.String()
		case res.GetSubscriptionResponse() != nil:
			seen = res.GetSubscriptionResponse().Err.String()
		case res.GetTrackPublished() != nil, res.GetPublishDataTrackResponse() != nil:
			seen = published
		case res.GetAnswer() != nil:
			seen = answered
		case res.GetPong() != 0 || res.GetPongResp() != nil:
			seen = "pong"
		}
	}
}

// Each kind of request, as it should be and in each way in which it should not, on both paths: what its sender gets, and that two people beside it
// go on talking and are told of nothing but that somebody comes and goes. A kind that the protocol gains must be added here, and to docs/bad-input.md.
func TestEveryRequestMisused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *Config) { cfg.Joins = 10_000 })
	w.server.patience = time.Hour // who speaks by hand answers no offer
	people := converse(t, w)
	theirs := people.alice.LocalParticipant.TrackPublications()[0].SID()
	described := limitsPage(t)
	kinds := (&pb.SignalRequest{}).ProtoReflect().Descriptor().Oneofs().ByName("message").Fields()
	for i := range kinds.Len() {
		kind := kinds.Get(i)
		m, known := misuses[string(kind.Name())]
		if !known || !strings.Contains(described, fmt.Sprintf("`%s`", kind.Name())) {
			t.Errorf("nobody knows what comes of a misused %s", kind.Name())
			continue
		}
		witness, _ := w.enter(t, "witness", "hall", "") // one for each kind: who never connects is taken for gone after 30 s
		told := witness.listen()
		for _, v1 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/v1=%v", kind.Name(), v1), func(t *testing.T) {
				w.misuse(t, kind, m, v1, theirs)
			})
		}
		people.notice(t)
		witness.send(ping())
		if odd := <-told; odd != "" {
			t.Errorf("%s: others are told %s", kind.Name(), odd)
		}
		witness.ws.CloseNow()
	}
	people.alice.never("muted voice")
	people.bob.never("muted voice")
}

// limitsPage is what operators and developers of clients are told.
func limitsPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/bad-input.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// misuse does everything wrong with one kind of request that can be done.
func (w *world) misuse(t *testing.T, kind protoreflect.FieldDescriptor, m misuse, v1 bool, theirs string) {
	t.Helper()
	mallory := func(may bool) (*wire, string) {
		c := w.enterAs(t, token(t, "mallory", "hall", func(c *auth.Claims) {
			c.Video.CanUpdateOwnMetadata = &may
			c.Video.CanPublish, c.Video.CanSubscribe, c.Video.CanPublishData = &may, &may, &may
		}), v1)
		if !may {
			return c, ""
		}
		c.send(addVoice("own"))
		return c, c.until(func(r *pb.SignalResponse) bool { return r.GetTrackPublished() != nil }).GetTrackPublished().Track.Sid
	}
	check := func(c *wire, what, want string, frame []byte, times int) {
		t.Helper()
		for range times {
			if c.ws.Write(c.ctx, websocket.MessageBinary, frame) != nil {
				break // it has been cut off already
			}
		}
		if got := c.outcome(); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	bytesOf := func(req *pb.SignalRequest) []byte {
		t.Helper()
		data, err := proto.Marshal(req)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > maxMessageBytes {
			t.Fatalf("%d bytes are refused for their number", len(data))
		}
		return data
	}
	empty, stuffed := &pb.SignalRequest{}, &pb.SignalRequest{}
	if kind.Kind() == protoreflect.MessageKind {
		empty.ProtoReflect().Mutable(kind)
		stuff(stuffed.ProtoReflect().Mutable(kind).Message(), 0)
	} else {
		empty.ProtoReflect().Set(kind, kind.Default())
		stuffed.ProtoReflect().Set(kind, most(kind, 0))
	}
	garbage := protowire.AppendBytes(protowire.AppendTag(nil, kind.Number(), protowire.BytesType), []byte("\xff\xff\xff\xff"))
	wantEmpty := m.empty
	if v1 {
		wantEmpty = m.v1Empty
	}

	c, _ := mallory(false)
	check(c, "forbidden", m.forbidden, bytesOf(m.proper(theirs)), 1)
	c, own := mallory(true)
	check(c, "own", m.own, bytesOf(m.proper(own)), 1)
	check(c, "own, over and over", again(m.own), bytesOf(m.proper(own)), 40)
	c, _ = mallory(true)
	check(c, "theirs", m.theirs, bytesOf(m.proper(theirs)), 1)
	c, _ = mallory(true)
	check(c, "empty", wantEmpty, bytesOf(empty), 1)
	c, _ = mallory(true)
	check(c, "stuffed", m.stuffed, bytesOf(stuffed), 1)
	check(c, "stuffed, over and over", again(m.stuffed), bytesOf(stuffed), 10)
	c, _ = mallory(true)
	check(c, "garbage", m.garbage, garbage, 1)
	// In a session that is over.
	c, own = mallory(true)
	c.send(misuses["leave"].proper(""))
	check(c, "after it has left", goes, bytesOf(m.proper(own)), 3)
}

// Each scenario, with the values that are hardest to bear: it concerns who asks, and nobody else.
func TestEveryScenarioMisused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *Config) { cfg.Joins = 10_000 })
	people := converse(t, w)
	wants := map[string]string{
		"speaker_update": silence, "node_failure": goes, "migration": goes, "server_leave": sentAway, "switch_candidate_protocol": sentAnew,
		"subscriber_bandwidth": silence, "disconnect_signal_on_resume": goes, "disconnect_signal_on_resume_no_messages": goes,
		"leave_request_full_reconnect": sentAnew,
	}
	fields := (&pb.SimulateScenario{}).ProtoReflect().Descriptor().Oneofs().ByName("scenario").Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		want, known := wants[string(field.Name())]
		if !known {
			t.Errorf("nobody knows what comes of a misused %s", field.Name())
			continue
		}
		t.Run(string(field.Name()), func(t *testing.T) {
			values := []protoreflect.Value{field.Default(), most(field, 0)}
			switch field.Kind() {
			case protoreflect.Int32Kind:
				values = append(values, protoreflect.ValueOfInt32(math.MaxInt32))
			case protoreflect.Int64Kind:
				values = append(values, protoreflect.ValueOfInt64(math.MaxInt64))
			case protoreflect.EnumKind:
				values = append(values, protoreflect.ValueOfEnum(-1))
			}
			for _, value := range values {
				for _, v1 := range []bool{false, true} {
					scenario := &pb.SimulateScenario{}
					scenario.ProtoReflect().Set(field, value)
					c := w.enterAs(t, token(t, "mallory", "hall", nil), v1)
					c.send(&pb.SignalRequest{Message: &pb.SignalRequest_Simulate{Simulate: scenario}})
					if got := c.outcome(); got != want {
						t.Errorf("%v, v1=%v: %q, want %q", value, v1, got, want)
					}
				}
			}
			people.notice(t)
		})
	}
}

// again is what comes of a request when it is repeated: nothing more where there is nobody any more.
func again(outcome string) string {
	if outcome == sentAnew || outcome == sentAway {
		return goes
	}
	return outcome
}

// enterAs joins on one path or the other.
func (w *world) enterAs(t *testing.T, token string, v1 bool) *wire {
	t.Helper()
	path, query := "/rtc", "protocol=17"
	if v1 {
		path = "/rtc/v1"
		query = "join_request=" + wrapJoin(t, &pb.JoinRequest{ClientInfo: &pb.ClientInfo{Protocol: 17}, ConnectionSettings: &pb.ConnectionSettings{AutoSubscribe: true}}, pb.WrappedJoinRequest_GZIP)
	}
	c, _, err := w.dialOn(t, path, token, query)
	if err != nil {
		t.Fatal(err)
	}
	if join := c.next().GetJoin(); join == nil || join.SubscriberPrimary == v1 {
		t.Fatalf("the first message is no join response of this path: %v", join)
	}
	return c
}

// listen reads until the answer to a ping, and says what came beside what everybody is told of people who come, change their metadata and go.
func (c *wire) listen() <-chan string {
	odd := make(chan string, 1)
	go func() {
		seen := ""
		for {
			res, err := c.read()
			if err != nil {
				odd <- err.Error()
				return
			}
			switch m := res.Message.(type) {
			case *pb.SignalResponse_PongResp:
				odd <- seen
				return
			case *pb.SignalResponse_Update:
				for _, p := range m.Update.Participants {
					if p.Identity != "mallory" && p.Identity != "witness" {
						seen = fmt.Sprint("of ", p)
					}
				}
			case *pb.SignalResponse_Pong, *pb.SignalResponse_Offer, *pb.SignalResponse_RoomUpdate, *pb.SignalResponse_ConnectionQuality,
				*pb.SignalResponse_SpeakersChanged:
			default:
				seen = fmt.Sprint(res)
			}
		}
	}()
	return odd
}

// A join request that is stuffed with one thing, or asks for what is not there: what comes instead of a room.
func TestEveryPartOfAJoinRequestMisused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	people := converse(t, w)
	const in, refused = "join", "400"
	wants := map[string]string{
		"client_info": in, "connection_settings": in, "metadata": refused, "participant_attributes": refused, "add_track_requests": in,
		"publisher_offer": in + ", " + sentAnew, "reconnect": sentAnew, "reconnect_reason": in, "participant_sid": in, "sync_state": in,
	}
	fields := (&pb.JoinRequest{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		name := fields.Get(i).Name()
		want, known := wants[string(name)]
		if !known {
			t.Errorf("nobody knows what comes of a misused %s", name)
			continue
		}
		t.Run(string(name), func(t *testing.T) {
			all, req := &pb.JoinRequest{}, &pb.JoinRequest{}
			stuff(all.ProtoReflect(), 0)
			all.Metadata = strings.Repeat("x", room.MaxMetadataBytes+1)
			all.ParticipantAttributes["long"] = all.Metadata
			req.ProtoReflect().Set(fields.Get(i), all.ProtoReflect().Get(fields.Get(i)))
			got := ""
			c, res, err := w.dialOn(t, "/rtc/v1", token(t, "mallory", "hall", nil), "join_request="+wrapJoin(t, req, pb.WrappedJoinRequest_GZIP))
			if err != nil {
				if res == nil {
					t.Fatal(err)
				}
				got = fmt.Sprint(res.StatusCode)
			} else {
				if first := c.next(); first.GetJoin() != nil {
					got = in
				} else if l := first.GetLeave(); l != nil {
					got = "leave " + l.Action.String()
				}
				if then := c.outcome(); strings.HasPrefix(then, "leave") {
					got += ", " + then
				}
			}
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
			people.notice(t)
		})
	}
}
