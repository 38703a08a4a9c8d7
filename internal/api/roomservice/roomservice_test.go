package roomservice_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	pb "github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/twitchtv/twirp"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/api/roomservice"
	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
)

var keys = auth.Keys{Key: "APItest", Secret: "a secret that is long enough for HS256"}

// fixture is a house with the service before it, and an application that calls it with LiveKit's SDK.
type fixture struct {
	t     *testing.T
	house *studio.House
	url   string
	*lksdk.RoomServiceClient
}

func serve(t *testing.T) *fixture {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	policies, err := studio.OpenPolicies(st)
	if err != nil {
		t.Fatal(err)
	}
	house := studio.NewHouse(studio.Options{
		Keys: keys, Rooms: policies, Workers: codec.FindWorkers("off"), Log: log,
		Rules: room.Settings{EmptyTimeout: 5 * time.Minute, DepartureTimeout: 20 * time.Second},
	})
	t.Cleanup(house.Close)
	operator := func(r *http.Request) bool { key, secret, _ := r.BasicAuth(); return keys.IsSecret(key, secret) }
	srv := httptest.NewServer(roomservice.New(roomservice.Options{House: house, Operator: operator, Log: log}))
	t.Cleanup(srv.Close)
	return &fixture{t, house, srv.URL, lksdk.NewRoomServiceClient(srv.URL, keys.Key, keys.Secret)}
}

// person is somebody in a room without media, who keeps what is heard.
type person struct {
	*studio.Participant
	heard chan room.Event
}

func (p *person) RoomEvent(e room.Event) {
	select {
	case p.heard <- e:
	default:
	}
}

func (f *fixture) enter(identity string) *person {
	f.t.Helper()
	p := &person{heard: make(chan room.Event, 100)}
	var err error
	p.Participant, err = f.house.Enter("hall", room.Join{
		Identity: identity, Permission: room.Permission{Publish: true, Subscribe: true, PublishData: true},
	}, p)
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

// hears waits for an event of a kind.
func hears[E room.Event](t *testing.T, p *person) E {
	t.Helper()
	for {
		select {
		case e := <-p.heard:
			if e, ok := e.(E); ok {
				return e
			}
		case <-time.After(time.Minute):
			t.Fatalf("no %T is heard", *new(E))
		}
	}
}

// refused checks how a call was refused.
func refused(t *testing.T, err error, code twirp.ErrorCode) {
	t.Helper()
	var e twirp.Error
	if !errors.As(err, &e) || e.Code() != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestRooms(t *testing.T) {
	f, ctx := serve(t), context.Background()
	made, err := f.CreateRoom(ctx, &pb.CreateRoomRequest{Name: "hall", DepartureTimeout: 7, MaxParticipants: 2, Metadata: "m"})
	if err != nil || made.Sid == "" || made.EmptyTimeout != 300 || made.DepartureTimeout != 7 || made.MaxParticipants != 2 || made.Metadata != "m" || made.CreationTime == 0 {
		t.Fatalf("%v, %v", made, err)
	}
	if again, err := f.CreateRoom(ctx, &pb.CreateRoomRequest{Name: "hall", Metadata: "other"}); err != nil || !proto.Equal(again, made) {
		t.Errorf("created again: %v, %v", again, err)
	}
	_, err = f.CreateRoom(ctx, &pb.CreateRoomRequest{Name: "no such/name"})
	refused(t, err, twirp.InvalidArgument)
	if _, err := f.CreateRoom(ctx, &pb.CreateRoomRequest{Name: "cellar"}); err != nil {
		t.Fatal(err)
	}
	for want, names := range map[int][]string{2: nil, 1: {"hall", "attic"}, 0: {"attic"}} {
		if list, err := f.ListRooms(ctx, &pb.ListRoomsRequest{Names: names}); err != nil || len(list.Rooms) != want {
			t.Errorf("listing %v: %v, %v", names, list, err)
		}
	}
	p := f.enter("anna")
	if r, err := f.UpdateRoomMetadata(ctx, &pb.UpdateRoomMetadataRequest{Room: "hall", Metadata: "new"}); err != nil || r.Metadata != "new" || r.NumParticipants != 1 {
		t.Errorf("%v, %v", r, err)
	}
	if e := hears[room.RoomChanged](t, p); e.Metadata != "new" {
		t.Errorf("told %+v", e)
	}
	if _, err := f.DeleteRoom(ctx, &pb.DeleteRoomRequest{Room: "hall"}); err != nil {
		t.Fatal(err)
	}
	if e := hears[room.RoomClosed](t, p); e.Reason != room.LeftRoomDeleted {
		t.Errorf("told %+v", e)
	}
	_, err = f.DeleteRoom(ctx, &pb.DeleteRoomRequest{Room: "hall"})
	refused(t, err, twirp.NotFound)
	_, err = f.UpdateRoomMetadata(ctx, &pb.UpdateRoomMetadataRequest{Room: "hall", Metadata: "new"})
	refused(t, err, twirp.NotFound)
}

func TestParticipants(t *testing.T) {
	f, ctx := serve(t), context.Background()
	anna, bob := f.enter("anna"), f.enter("bob")
	if _, err := anna.PublishFrames(room.Publication{SID: "TR_1", Kind: media.Video, Codec: media.H264, Source: room.Camera}); err != nil {
		t.Fatal(err)
	}
	list, err := f.ListParticipants(ctx, &pb.ListParticipantsRequest{Room: "hall"})
	if err != nil || len(list.Participants) != 2 || list.Participants[0].Tracks[0].Sid != "TR_1" {
		t.Fatalf("%v, %v", list, err)
	}
	if none, err := f.ListParticipants(ctx, &pb.ListParticipantsRequest{Room: "attic"}); err != nil || len(none.Participants) > 0 {
		t.Errorf("an empty room: %v, %v", none, err)
	}
	named := &pb.RoomParticipantIdentity{Room: "hall", Identity: "anna"}
	if p, err := f.GetParticipant(ctx, named); err != nil || p.Identity != "anna" {
		t.Errorf("%v, %v", p, err)
	}
	_, err = f.GetParticipant(ctx, &pb.RoomParticipantIdentity{Room: "hall", Identity: "carol"})
	refused(t, err, twirp.NotFound)

	muted, err := f.MutePublishedTrack(ctx, &pb.MuteRoomTrackRequest{Room: "hall", Identity: "anna", TrackSid: "TR_1", Muted: true})
	if err != nil || !muted.Track.Muted {
		t.Errorf("%v, %v", muted, err)
	}
	_, err = f.MutePublishedTrack(ctx, &pb.MuteRoomTrackRequest{Room: "hall", Identity: "anna", TrackSid: "TR_1"})
	refused(t, err, twirp.FailedPrecondition)
	_, err = f.MutePublishedTrack(ctx, &pb.MuteRoomTrackRequest{Room: "hall", Identity: "anna", TrackSid: "TR_2", Muted: true})
	refused(t, err, twirp.NotFound)

	p, err := f.UpdateParticipant(ctx, &pb.UpdateParticipantRequest{
		Room: "hall", Identity: "anna", Name: "Anna", Metadata: "m", Attributes: map[string]string{"k": "v"},
		Permission: &pb.ParticipantPermission{CanSubscribe: true, CanPublish: true, CanPublishSources: []pb.TrackSource{pb.TrackSource_MICROPHONE}},
	})
	if err != nil || p.Name != "Anna" || p.Metadata != "m" || p.Attributes["k"] != "v" || p.Permission.CanPublishData || len(p.Tracks) != 0 {
		t.Errorf("%v, %v", p, err)
	}
	hears[room.PublicationRemoved](t, bob)
	_, err = f.UpdateParticipant(ctx, &pb.UpdateParticipantRequest{Room: "hall", Identity: "anna", Metadata: strings.Repeat("x", room.MaxMetadataBytes+1)})
	refused(t, err, twirp.InvalidArgument)

	if _, err := f.UpdateSubscriptions(ctx, &pb.UpdateSubscriptionsRequest{
		Room: "hall", Identity: "bob", TrackSids: []string{"a"}, ParticipantTracks: []*pb.ParticipantTracks{{TrackSids: []string{"b"}}}, Subscribe: true,
	}); err != nil {
		t.Fatal(err)
	}
	if e := hears[room.SubscriptionsSet](t, bob); len(e.TrackSIDs) != 2 || !e.Subscribed {
		t.Errorf("told %+v", e)
	}

	if _, err := f.RemoveParticipant(ctx, named); err != nil {
		t.Fatal(err)
	}
	if e := hears[room.ParticipantLeft](t, anna); e.Reason != room.LeftRemoved {
		t.Errorf("told %+v", e)
	}
	_, err = f.RemoveParticipant(ctx, named)
	refused(t, err, twirp.NotFound)
}

func TestRemovedPeopleStayOutWhereTheirTokensAreRevoked(t *testing.T) {
	f, ctx := serve(t), context.Background()
	f.enter("anna")
	now := time.Now()
	admitted := func(identity string, made time.Time) bool {
		token, err := f.house.Keys().Mint(auth.Claims{Identity: identity, Video: auth.Grant{Room: "hall", RoomJoin: true}}, 2*time.Hour, made)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.house.Admit("hall", studio.Credential{Token: token}, studio.ToJoin)
		if err != nil && !errors.Is(err, auth.ErrRevoked) {
			t.Errorf("refused with %v", err)
		}
		return err == nil
	}
	if _, err := f.RemoveParticipant(ctx, &pb.RoomParticipantIdentity{Room: "hall", Identity: "anna"}); err != nil {
		t.Fatal(err)
	}
	if !admitted("anna", now.Add(-time.Minute)) {
		t.Error("refused although nobody asked for it")
	}
	_, err := f.RemoveParticipant(ctx, &pb.RoomParticipantIdentity{Room: "hall", Identity: "anna", RevokeTokenTs: now.Unix()})
	refused(t, err, twirp.NotFound) // she is gone already; her tokens are revoked all the same
	if admitted("anna", now.Add(-time.Minute)) {
		t.Error("comes back with an old token")
	}
	if !admitted("anna", now.Add(time.Second)) || !admitted("bob", now.Add(-time.Minute)) {
		t.Error("a new token, or somebody else's, is refused")
	}

	// A moderator's token is good for nothing here either.
	client := pb.NewRoomServiceProtobufClient(f.url, http.DefaultClient)
	asApp := f.as(ctx, auth.Grant{RoomAdmin: true, Room: "hall"})
	if _, err := client.ListParticipants(asApp, &pb.ListParticipantsRequest{Room: "hall"}); err != nil {
		t.Error(err)
	}
	_, err = f.RemoveParticipant(ctx, &pb.RoomParticipantIdentity{Room: "hall", Identity: "app", RevokeTokenTs: now.Add(time.Minute).Unix()})
	refused(t, err, twirp.NotFound)
	_, err = client.ListParticipants(asApp, &pb.ListParticipantsRequest{Room: "hall"})
	refused(t, err, twirp.Unauthenticated)
}

func TestData(t *testing.T) {
	f, ctx := serve(t), context.Background()
	anna, bob := f.enter("anna"), f.enter("bob")
	topic := "news"
	for _, req := range []*pb.SendDataRequest{
		{DestinationIdentities: []string{"bob"}},
		{DestinationSids: []string{bob.Self().SID}},
		{},
	} {
		req.Room, req.Data, req.Topic, req.Nonce = "hall", []byte("hello"), &topic, make([]byte, 16)
		if _, err := f.SendData(ctx, req); err != nil {
			t.Fatal(err)
		}
		packet := &pb.DataPacket{}
		d := hears[room.DataReceived](t, bob).Data
		if err := proto.Unmarshal(d.Payload, packet); err != nil || string(packet.GetUser().Payload) != "hello" || !d.Reliable || d.Topic != "news" {
			t.Errorf("%v: %v, %v", req, packet, err)
		}
	}
	hears[room.DataReceived](t, anna)
	select {
	case e := <-anna.heard:
		t.Errorf("anna hears what is not for her: %+v", e)
	default:
	}
	_, err := f.SendData(ctx, &pb.SendDataRequest{Room: "hall", Data: make([]byte, 200<<10)})
	refused(t, err, twirp.InvalidArgument)
	_, err = f.SendData(ctx, &pb.SendDataRequest{Room: "hall", Data: make([]byte, 300<<10)})
	if err == nil {
		t.Error("a body beyond all bounds is taken")
	}
}

// answer is a participant's program that answers calls.
func (p *person) answer(res *pb.RpcResponse) {
	for e := range p.heard {
		d, ok := e.(room.DataReceived)
		if !ok {
			continue
		}
		packet := &pb.DataPacket{}
		if proto.Unmarshal(d.Data.Payload, packet) != nil || packet.GetRpcRequest() == nil {
			continue
		}
		say := func(from *pb.DataPacket) {
			payload, err := proto.Marshal(from)
			if err == nil {
				_ = p.Send(room.Data{Reliable: true, To: []string{packet.ParticipantIdentity}, Payload: payload})
			}
		}
		say(&pb.DataPacket{Value: &pb.DataPacket_RpcAck{RpcAck: &pb.RpcAck{RequestId: packet.GetRpcRequest().Id}}})
		res.RequestId = packet.GetRpcRequest().Id
		say(&pb.DataPacket{Value: &pb.DataPacket_RpcResponse{RpcResponse: res}})
		return
	}
}

func TestCallsOfMethods(t *testing.T) {
	f, ctx := serve(t), context.Background()
	bob := f.enter("bob")
	req := &pb.PerformRpcRequest{Room: "hall", DestinationIdentity: "bob", Method: "greet", Payload: "hi"}
	call := func() (*pb.PerformRpcResponse, error) { return f.rpc(ctx, req) }

	go bob.answer(&pb.RpcResponse{Value: &pb.RpcResponse_Payload{Payload: "hello"}})
	if res, err := call(); err != nil || res.Payload != "hello" {
		t.Errorf("%v, %v", res, err)
	}
	go bob.answer(&pb.RpcResponse{Value: &pb.RpcResponse_Error{Error: &pb.RpcError{Code: 1400, Message: "Method not supported"}}})
	_, err := call()
	refused(t, err, twirp.InvalidArgument)
	req.ResponseTimeoutMs = 10
	_, err = call()
	refused(t, err, twirp.Canceled)
	req.Payload = strings.Repeat("x", 20<<10)
	_, err = call()
	refused(t, err, twirp.InvalidArgument)
	req.DestinationIdentity = "carol"
	_, err = call()
	refused(t, err, twirp.NotFound)
}

// rpc calls with a token for the room: the SDK has no method for it.
func (f *fixture) rpc(ctx context.Context, req *pb.PerformRpcRequest) (*pb.PerformRpcResponse, error) {
	client := pb.NewRoomServiceProtobufClient(f.url, http.DefaultClient)
	return client.PerformRpc(f.as(ctx, auth.Grant{RoomAdmin: true, Room: req.Room}), req)
}

// as lets a call show a token.
func (f *fixture) as(ctx context.Context, g auth.Grant) context.Context {
	f.t.Helper()
	token, err := keys.Mint(auth.Claims{Identity: "app", Video: g}, time.Minute, time.Now())
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, err = twirp.WithHTTPRequestHeaders(ctx, http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		f.t.Fatal(err)
	}
	return ctx
}

func TestGrants(t *testing.T) {
	f := serve(t)
	f.enter("anna")
	client := pb.NewRoomServiceJSONClient(f.url, http.DefaultClient)
	calls := map[string]func(context.Context) error{
		"create": func(ctx context.Context) error {
			_, err := client.CreateRoom(ctx, &pb.CreateRoomRequest{Name: "cellar"})
			return err
		},
		"list": func(ctx context.Context) error { _, err := client.ListRooms(ctx, &pb.ListRoomsRequest{}); return err },
		"people": func(ctx context.Context) error {
			_, err := client.ListParticipants(ctx, &pb.ListParticipantsRequest{Room: "hall"})
			return err
		},
		"update": func(ctx context.Context) error {
			_, err := client.UpdateRoomMetadata(ctx, &pb.UpdateRoomMetadataRequest{Room: "hall"})
			return err
		},
		"move": func(ctx context.Context) error {
			_, err := client.MoveParticipant(ctx, &pb.MoveParticipantRequest{Room: "hall", Identity: "anna", DestinationRoom: "cellar"})
			return err
		},
	}
	for _, c := range []struct {
		grant   auth.Grant
		allowed string
	}{
		{auth.Grant{}, ""},
		{auth.Grant{RoomCreate: true}, "create"},
		{auth.Grant{RoomList: true}, "list"},
		{auth.Grant{RoomAdmin: true}, ""},
		{auth.Grant{RoomAdmin: true, Room: "cellar"}, ""},
		{auth.Grant{RoomJoin: true, Room: "hall"}, ""},
		{auth.Grant{RoomAdmin: true, Room: "hall"}, "people update"},
		{auth.Grant{RoomAdmin: true, Room: "hall", DestinationRoom: "cellar"}, "people update move"},
	} {
		for name, call := range calls {
			err := call(f.as(context.Background(), c.grant))
			switch {
			case !strings.Contains(c.allowed, name):
				refused(t, err, twirp.Unauthenticated)
			case name == "move":
				refused(t, err, twirp.Unimplemented)
			case err != nil:
				t.Errorf("%+v: %s: %v", c.grant, name, err)
			}
		}
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) { refused(t, call(context.Background()), twirp.Unauthenticated) })
	}
}

func TestWrongSecretsAreCounted(t *testing.T) {
	token, err := keys.Mint(auth.Claims{Identity: "app", Video: auth.Grant{RoomList: true}}, time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		show func(*http.Request)
		want int // until there are too many
	}{
		"as a password": {func(r *http.Request) { r.SetBasicAuth(keys.Key, "guess") }, http.StatusUnauthorized},
		"as a key":      {func(r *http.Request) { r.Header.Set("X-Tutti-Key", "guess") }, http.StatusUnauthorized},
		"beside a token": {func(r *http.Request) {
			r.Header.Set("X-Tutti-Key", "guess")
			r.Header.Set("Authorization", "Bearer "+token)
		}, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) { wrongSecretsAreCounted(t, c.show, c.want) })
	}
}

func wrongSecretsAreCounted(t *testing.T, show func(*http.Request), want int) {
	f := serve(t)
	for tries := 0; ; tries++ {
		req, err := http.NewRequest("POST", f.url+"/twirp/livekit.RoomService/ListRooms", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		show(req)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode == http.StatusTooManyRequests {
			return
		}
		if res.StatusCode != want || tries > 10*studio.PerAddressGuess.Burst {
			t.Fatalf("%s at try %d", res.Status, tries)
		}
	}
}

func TestRequestsByHand(t *testing.T) {
	f := serve(t)
	for name, c := range map[string]struct {
		path, kind, body, authorization string
		status                          int
		want                            string
	}{
		"an operator":          {"ListRooms", "application/json", "{}", "basic", 200, `"rooms":[]`},
		"unknown method":       {"Nothing", "application/json", "{}", "basic", 404, `"code":"bad_route"`},
		"another content type": {"ListRooms", "text/plain", "{}", "basic", 404, `"code":"bad_route"`},
		"no JSON":              {"ListRooms", "application/json", "{", "basic", 400, `"code":"malformed"`},
		"no protobuf":          {"CreateRoom", "application/protobuf", "\xff\xff", "basic", 400, `"code":"malformed"`},
		"a wrong secret":       {"ListRooms", "application/json", "{}", "Basic QVBJdGVzdDp4", 401, `"code":"unauthenticated"`},
		"a wrong token":        {"ListRooms", "application/json", "{}", "Bearer nonsense", 401, `"code":"unauthenticated"`},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest("POST", f.url+"/twirp/livekit.RoomService/"+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", c.kind)
			if c.authorization == "basic" {
				req.SetBasicAuth(keys.Key, keys.Secret)
			} else {
				req.Header.Set("Authorization", c.authorization)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if got := strings.ReplaceAll(string(body), " ", ""); err != nil || res.StatusCode != c.status || !strings.Contains(got, c.want) {
				t.Errorf("%s %s, %v", res.Status, body, err)
			}
		})
	}
}
