package call

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/tuttilive/tutti/internal/room/plain"
)

// Limits of what a client sends.
const (
	maxMessageBytes   = 64 << 10
	maxSDPBytes       = 48 << 10
	maxCandidateBytes = 2 << 10
	maxSources        = 32
	maxMidBytes       = 32
	maxIDBytes        = 512
	maxSecretBytes    = 128
	maxCredential     = 16 << 10
	maxDeclineRunes   = 200
	// maxNumber is the largest integer that JavaScript holds exactly.
	maxNumber = 1<<53 - 1
)

// request is what a client sends. check validates it, and cleans what is text for people.
type request interface{ check() *refusal }

// received is one message of a client.
type received struct {
	kind string
	// seq is 0 for kinds that are not numbered.
	seq     uint64
	request request
}

type (
	joinRequest struct {
		Name     string `json:"name"`
		Key      string `json:"key"`
		Token    string `json:"token"`
		Identity string `json:"identity"`
		// Room tells that the client can take part in rooms.
		Room *bool `json:"room"`
	}
	visitRequest struct {
		Name     string `json:"name"`
		Key      string `json:"key"`
		Token    string `json:"token"`
		Identity string `json:"identity"`
	}
	resumeRequest struct {
		Session string  `json:"session"`
		Seq     *uint64 `json:"seq"`
	}
	ackRequest struct {
		Seq *uint64 `json:"seq"`
	}
	plainRequest struct{} // ping, pong, leave, viaDirect
	stateRequest struct {
		State *struct {
			Microphone *bool `json:"microphone"`
			Camera     *bool `json:"camera"`
			Screen     *bool `json:"screen"`
			Recording  bool  `json:"recording"`
		} `json:"state"`
	}
	ringRequest struct {
		To string `json:"to"`
	}
	acceptRequest struct {
		Name string `json:"name"`
		Room *bool  `json:"room"`
	}
	declineRequest struct {
		Name string `json:"name"`
		Text string `json:"text"`
	}
	viaRoomRequest struct {
		Generation uint64 `json:"generation"`
		Reason     reason `json:"reason"`
	}
	arrivedRequest struct {
		Generation uint64 `json:"generation"`
	}
	signalRequest struct {
		To          string          `json:"to"`
		Generation  uint64          `json:"generation"`
		Description *description    `json:"description"`
		Candidate   json.RawMessage `json:"candidate"`
	}
)

// description is a session description with what its media sections carry, by mid.
type description struct {
	Type    string            `json:"type"`
	SDP     string            `json:"sdp"`
	Sources map[string]string `json:"sources,omitempty"`
}

// candidate is an RTCIceCandidateInit (W3C WebRTC, section 4.8.1.1); its fields may be null.
type candidate struct {
	Candidate        *string `json:"candidate"`
	SDPMid           *string `json:"sdpMid"`
	SDPMLineIndex    *uint16 `json:"sdpMLineIndex"`
	UsernameFragment *string `json:"usernameFragment"`
}

// kind is a type of message.
type kind struct {
	numbered bool
	read     func(data []byte) (request, error)
}

func as[T any, P interface {
	*T
	request
}](data []byte) (request, error) {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, err
	}
	return P(&v), nil
}

var kinds = map[string]kind{
	"join":      {false, as[joinRequest]},
	"visit":     {false, as[visitRequest]},
	"resume":    {false, as[resumeRequest]},
	"ack":       {false, as[ackRequest]},
	"ping":      {false, as[plainRequest]},
	"pong":      {false, as[plainRequest]},
	"leave":     {false, as[plainRequest]},
	"state":     {true, as[stateRequest]},
	"ring":      {true, as[ringRequest]},
	"accept":    {true, as[acceptRequest]},
	"decline":   {true, as[declineRequest]},
	"viaRoom":   {true, as[viaRoomRequest]},
	"viaDirect": {true, as[plainRequest]},
	"arrived":   {true, as[arrivedRequest]},
	"signal":    {true, as[signalRequest]},
}

// parse reads a client's message. What was received is told as far as it is known also when it is refused: a number that
// was used up counts.
func parse(data []byte) (received, *refusal) {
	var first struct {
		Type string          `json:"type"`
		Seq  json.RawMessage `json:"seq"`
	}
	if err := json.Unmarshal(data, &first); err != nil {
		return received{}, malformed("not a JSON object with a type")
	}
	k, ok := kinds[first.Type]
	if !ok {
		return received{}, malformed("no such type of message")
	}
	got := received{kind: first.Type}
	if k.numbered {
		if err := json.Unmarshal(first.Seq, &got.seq); err != nil || got.seq == 0 || got.seq > maxNumber {
			got.seq = 0
			return got, malformed("seq is missing, or no number from 1 on")
		}
	}
	r, err := k.read(data)
	if err != nil {
		return got, malformed(whatIsWrong(err))
	}
	if refused := r.check(); refused != nil {
		return got, refused
	}
	got.request = r
	return got, nil
}

// whatIsWrong names the field, and shows nothing of what was in it.
func whatIsWrong(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" && len(wrong.Field) < 100 {
		return fmt.Sprintf("%s has the wrong kind of value", wrong.Field)
	}
	return "a value of the wrong kind"
}

func (r *joinRequest) check() *refusal {
	if r.Room == nil {
		return malformed("room is missing")
	}
	r.Name = plain.Name(r.Name)
	return checkCredential(r.Key, r.Token, r.Identity)
}

func (r *visitRequest) check() *refusal {
	r.Name = plain.Name(r.Name)
	return checkCredential(r.Key, r.Token, r.Identity)
}

func checkCredential(key, token, secret string) *refusal {
	if len(key) > maxCredential || len(token) > maxCredential || len(secret) > maxSecretBytes {
		return tooLarge("key, token or identity is too long")
	}
	return nil
}

func (r *resumeRequest) check() *refusal {
	if r.Session == "" || r.Seq == nil || *r.Seq > maxNumber {
		return malformed("session or seq is missing")
	}
	return nil
}

func (r *ackRequest) check() *refusal {
	if r.Seq == nil || *r.Seq > maxNumber {
		return malformed("seq is missing")
	}
	return nil
}

func (r *plainRequest) check() *refusal { return nil }

func (r *stateRequest) check() *refusal {
	if r.State == nil || r.State.Microphone == nil || r.State.Camera == nil || r.State.Screen == nil {
		return malformed("state needs microphone, camera and screen")
	}
	return nil
}

func (r *stateRequest) state() mediaState {
	return mediaState{*r.State.Microphone, *r.State.Camera, *r.State.Screen, r.State.Recording}
}

func (r *ringRequest) check() *refusal { return checkID(r.To) }

func (r *acceptRequest) check() *refusal {
	if r.Room == nil {
		return malformed("room is missing")
	}
	r.Name = plain.Name(r.Name)
	return nil
}

func (r *declineRequest) check() *refusal {
	if utf8.RuneCountInString(r.Text) > maxDeclineRunes {
		return tooLarge("a text has at most 200 characters")
	}
	r.Name, r.Text = plain.Name(r.Name), plain.Line(r.Text)
	return nil
}

func (r *viaRoomRequest) check() *refusal {
	if r.Generation == 0 || r.Reason != reasonNoPath && r.Reason != reasonWish {
		return malformed("viaRoom needs a generation and the reason no_path or wish")
	}
	return nil
}

func (r *arrivedRequest) check() *refusal {
	if r.Generation == 0 {
		return malformed("generation is missing")
	}
	return nil
}

func (r *signalRequest) check() *refusal {
	if r.Generation == 0 || (r.Description != nil) == (r.Candidate != nil) {
		return malformed("a signal needs a generation, and either a description or a candidate")
	}
	if refused := checkID(r.To); refused != nil {
		return refused
	}
	if r.Description != nil {
		return r.Description.check()
	}
	return r.checkCandidate()
}

func (d *description) check() *refusal {
	switch {
	case d.Type != "offer" && d.Type != "answer":
		return malformed("a description is an offer or an answer")
	case d.SDP == "":
		return malformed("sdp is missing")
	case len(d.SDP) > maxSDPBytes:
		return tooLarge("a description has at most 48 KiB")
	case len(d.Sources) > maxSources:
		return tooLarge("sources name at most 32 media sections")
	}
	for mid, source := range d.Sources {
		switch source {
		case "microphone", "camera", "screen", "screenSound":
		default:
			return malformed("a source is microphone, camera, screen or screenSound")
		}
		if mid == "" || len(mid) > maxMidBytes {
			return malformed("a mid has 1 to 32 bytes")
		}
	}
	return nil
}

// checkCandidate also leaves away what is not known.
func (r *signalRequest) checkCandidate() *refusal {
	if bytes.Equal(r.Candidate, []byte("null")) {
		return nil // there are no more
	}
	var c candidate
	if err := json.Unmarshal(r.Candidate, &c); err != nil || c.Candidate == nil {
		return malformed("a candidate is null or an object with candidate, sdpMid, sdpMLineIndex and usernameFragment")
	}
	size := len(*c.Candidate)
	for _, s := range []*string{c.SDPMid, c.UsernameFragment} {
		if s != nil {
			size += len(*s)
		}
	}
	if size > maxCandidateBytes {
		return tooLarge("a candidate has at most 2 KiB")
	}
	known, err := json.Marshal(c)
	if err != nil {
		return malformed("the candidate cannot be passed on")
	}
	r.Candidate = known
	return nil
}

func checkID(id string) *refusal {
	if id == "" || len(id) > maxIDBytes {
		return malformed("to is missing or too long")
	}
	return nil
}
