package livekit

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"

	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/room"
)

func wrapJoin(t testing.TB, req *pb.JoinRequest, compression pb.WrappedJoinRequest_Compression) string {
	t.Helper()
	data, err := proto.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	return wrapJoinBytes(t, data, compression)
}

func wrapJoinBytes(t testing.TB, data []byte, compression pb.WrappedJoinRequest_Compression) string {
	t.Helper()
	if compression == pb.WrappedJoinRequest_GZIP {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(data); err != nil {
			t.Fatal(err)
		}
		z.Close()
		data = b.Bytes()
	}
	wrapped, err := proto.Marshal(&pb.WrappedJoinRequest{Compression: compression, JoinRequest: data})
	if err != nil {
		t.Fatal(err)
	}
	return base64.URLEncoding.EncodeToString(wrapped)
}

func TestParseJoin(t *testing.T) {
	join := &pb.JoinRequest{
		ClientInfo:         &pb.ClientInfo{Sdk: pb.ClientInfo_JS, Protocol: 17, Browser: "Firefox"},
		ConnectionSettings: &pb.ConnectionSettings{AutoSubscribe: true},
		PublisherOffer:     &pb.SessionDescription{Type: "offer", Sdp: "v=0", Id: 1},
		Reconnect:          true, ParticipantSid: "PA_x",
	}
	for name, wrapped := range map[string]string{
		"gzip":            wrapJoin(t, join, pb.WrappedJoinRequest_GZIP),
		"plain":           wrapJoin(t, join, pb.WrappedJoinRequest_NONE),
		"without padding": strings.TrimRight(wrapJoin(t, join, pb.WrappedJoinRequest_NONE), "="),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseJoin(url.Values{"join_request": {wrapped}}, true)
			if err != nil {
				t.Fatal(err)
			}
			if !got.onePeer || !got.autoSubscribe || !got.resume || got.sid != "PA_x" || got.offer.GetSdp() != "v=0" ||
				got.client.protocol != 17 || !got.client.mayLackH264() {
				t.Errorf("got %+v", got)
			}
		})
	}
	t.Run("v0", func(t *testing.T) {
		got, err := parseJoin(url.Values{"sdk": {"go"}, "protocol": {"16"}, "reconnect": {"1"}, "reconnect_reason": {"2"}, "sid": {"PA_y"}, "auto_subscribe": {"0"},
			"client_protocol": {"1"}, "capabilities": {"CAP_PACKET_TRAILER, CAP_UNHEARD_OF"}, "attributes": {"eyJhIjoiYiJ9"}}, false)
		if err != nil {
			t.Fatal(err)
		}
		if got.onePeer || got.autoSubscribe || !got.resume || got.sid != "PA_y" || got.reason != pb.ReconnectReason_RR_PUBLISHER_FAILED || got.client.info.Sdk != pb.ClientInfo_GO ||
			got.attributes["a"] != "b" || got.client.program().Protocol != 1 || len(got.client.program().Capabilities) != 1 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestParseJoinRefuses(t *testing.T) {
	if _, err := parseJoin(url.Values{"attributes": {"bm8ganNvbg"}}, false); !errors.Is(err, errJoinRequest) {
		t.Errorf("attributes that are no JSON: %v", err)
	}
	bomb := wrapJoinBytes(t, make([]byte, 4<<20), pb.WrappedJoinRequest_GZIP)
	for name, wrapped := range map[string]string{
		"missing": "", "not base64": "***", "not protobuf": base64.URLEncoding.EncodeToString([]byte{0xff, 0xff}),
		"not gzip": func() string {
			w, _ := proto.Marshal(&pb.WrappedJoinRequest{Compression: pb.WrappedJoinRequest_GZIP, JoinRequest: []byte("plain")})
			return base64.URLEncoding.EncodeToString(w)
		}(),
		"gzip bomb":    bomb,
		"not a join":   wrapJoinBytes(t, []byte{0xff}, pb.WrappedJoinRequest_GZIP),
		"many tracks":  wrapJoin(t, &pb.JoinRequest{AddTrackRequests: make([]*pb.AddTrackRequest, room.MaxPublications+1)}, pb.WrappedJoinRequest_GZIP),
		"large, plain": wrapJoinBytes(t, make([]byte, maxJoinRequestBytes+1), pb.WrappedJoinRequest_NONE),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseJoin(url.Values{"join_request": {wrapped}}, true); !errors.Is(err, errJoinRequest) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func FuzzDecodeJoinRequest(f *testing.F) {
	join := &pb.JoinRequest{ClientInfo: &pb.ClientInfo{Protocol: 17}, PublisherOffer: &pb.SessionDescription{Sdp: "v=0"}}
	f.Add(wrapJoin(f, join, pb.WrappedJoinRequest_GZIP))
	f.Add(wrapJoin(f, join, pb.WrappedJoinRequest_NONE))
	f.Add("")
	f.Fuzz(func(t *testing.T, wrapped string) {
		if _, err := decodeJoinRequest(wrapped); err != nil && !errors.Is(err, errJoinRequest) {
			t.Errorf("unexpected kind of error: %v", err)
		}
	})
}
