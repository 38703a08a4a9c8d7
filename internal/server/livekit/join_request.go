package livekit

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/room"
)

// maxJoinRequestBytes bounds a join request after decompression; it holds the publisher's offer.
const maxJoinRequestBytes = 512 << 10

var errJoinRequest = errors.New("join_request cannot be read")

// joinRequest is what a client asks for as it connects, on either path.
type joinRequest struct {
	client        client
	autoSubscribe bool
	// onePeer tells that the client came over /rtc/v1: one connection, the client offers.
	onePeer bool
	// metadata and attributes overwrite those of the token.
	metadata   string
	attributes map[string]string
	// addTracks and offer start publishing and receiving without another round trip.
	addTracks []*pb.AddTrackRequest
	offer     *pb.SessionDescription
	// resume asks to go on with the session of the participant with this SID, after what reason says.
	resume bool
	sid    string
	reason pb.ReconnectReason
}

// parseJoin reads the query of a connect or validate request. onePeer requires join_request.
func parseJoin(query url.Values, onePeer bool) (joinRequest, error) {
	wrapped := query.Get("join_request")
	if wrapped == "" {
		if onePeer {
			return joinRequest{}, fmt.Errorf("%w: it is missing", errJoinRequest)
		}
		return parseQuery(query)
	}
	req, err := decodeJoinRequest(wrapped)
	if err != nil {
		return joinRequest{}, err
	}
	return joinRequest{
		client: newClient(req.ClientInfo), autoSubscribe: req.GetConnectionSettings().GetAutoSubscribe(), onePeer: true,
		metadata: req.Metadata, attributes: req.ParticipantAttributes,
		addTracks: req.AddTrackRequests, offer: req.PublisherOffer,
		resume: req.Reconnect, sid: req.ParticipantSid, reason: req.ReconnectReason,
	}, nil
}

// parseQuery reads the plain query parameters of v0.
func parseQuery(query url.Values) (joinRequest, error) {
	truth := func(s string) bool { return s == "1" || s == "true" }
	protocol, _ := strconv.ParseInt(query.Get("protocol"), 10, 32)
	clientProtocol, _ := strconv.ParseInt(query.Get("client_protocol"), 10, 32)
	info := &pb.ClientInfo{
		Sdk: sdkByName[query.Get("sdk")], Version: query.Get("version"), Protocol: int32(protocol),
		ClientProtocol: int32(clientProtocol), DeviceModel: query.Get("device_model"), Network: query.Get("network"),
		Os: query.Get("os"), OsVersion: query.Get("os_version"), Browser: query.Get("browser"), BrowserVersion: query.Get("browser_version"),
	}
	for name := range strings.SplitSeq(query.Get("capabilities"), ",") {
		if n, ok := pb.ClientInfo_Capability_value[strings.TrimSpace(name)]; ok {
			info.Capabilities = append(info.Capabilities, pb.ClientInfo_Capability(n))
		}
	}
	attributes, err := decodeAttributes(query.Get("attributes"))
	if err != nil {
		return joinRequest{}, err
	}
	auto := query.Get("auto_subscribe")
	reason, _ := strconv.ParseInt(query.Get("reconnect_reason"), 10, 32)
	return joinRequest{
		attributes: attributes,
		client:     newClient(info), autoSubscribe: auto == "" || truth(auto),
		resume: truth(query.Get("reconnect")), sid: query.Get("sid"), reason: pb.ReconnectReason(reason),
	}, nil
}

// decodeAttributes reads what SDKs for servers put into the query: base64url of a JSON object.
func decodeAttributes(s string) (attributes map[string]string, err error) {
	if s == "" {
		return nil, nil
	}
	raw, err := decodeBase64URL(s)
	if err == nil {
		err = json.Unmarshal(raw, &attributes)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: attributes: %w", errJoinRequest, err)
	}
	return attributes, nil
}

var sdkByName = map[string]pb.ClientInfo_SDK{
	"js": pb.ClientInfo_JS, "swift": pb.ClientInfo_SWIFT, "ios": pb.ClientInfo_SWIFT, "android": pb.ClientInfo_ANDROID,
	"flutter": pb.ClientInfo_FLUTTER, "go": pb.ClientInfo_GO, "unity": pb.ClientInfo_UNITY,
	"reactnative": pb.ClientInfo_REACT_NATIVE, "rust": pb.ClientInfo_RUST, "python": pb.ClientInfo_PYTHON,
	"cpp": pb.ClientInfo_CPP, "unityweb": pb.ClientInfo_UNITY_WEB, "node": pb.ClientInfo_NODE,
	"unreal": pb.ClientInfo_UNREAL, "esp32": pb.ClientInfo_ESP32,
}

// decodeJoinRequest undoes base64url(WrappedJoinRequest{gzip(JoinRequest)}), bounded at each step.
func decodeJoinRequest(wrapped string) (*pb.JoinRequest, error) {
	raw, err := decodeBase64URL(wrapped)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errJoinRequest, err)
	}
	w := &pb.WrappedJoinRequest{}
	if err := proto.Unmarshal(raw, w); err != nil {
		return nil, fmt.Errorf("%w: %w", errJoinRequest, err)
	}
	data := w.JoinRequest
	if w.Compression == pb.WrappedJoinRequest_GZIP {
		if data, err = gunzip(data, maxJoinRequestBytes); err != nil {
			return nil, fmt.Errorf("%w: %w", errJoinRequest, err)
		}
	}
	if len(data) > maxJoinRequestBytes {
		return nil, fmt.Errorf("%w: more than %d bytes", errJoinRequest, maxJoinRequestBytes)
	}
	req := &pb.JoinRequest{}
	if err := (proto.UnmarshalOptions{RecursionLimit: 32}).Unmarshal(data, req); err != nil {
		return nil, fmt.Errorf("%w: %w", errJoinRequest, err)
	}
	if len(req.AddTrackRequests) > room.MaxPublications { // each is answered
		return nil, fmt.Errorf("%w: more than %d tracks", errJoinRequest, room.MaxPublications)
	}
	return req, nil
}

// decodeBase64URL takes the URL alphabet with and without padding.
func decodeBase64URL(s string) ([]byte, error) {
	for len(s) > 0 && s[len(s)-1] == '=' {
		s = s[:len(s)-1]
	}
	return base64.RawURLEncoding.DecodeString(s)
}

// gunzip decompresses at most limit bytes; more is an error.
func gunzip(data []byte, limit int) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(z, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(out) > limit {
		return nil, fmt.Errorf("more than %d bytes after decompression", limit)
	}
	return out, nil
}
