package call

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tuttilive/tutti/internal/room/plain"
)

// sample messages, good and bad, by what becomes of them: "" is good.
var samples = map[string]code{
	`{"type":"join","name":"Ada","key":"k","identity":"secret","room":true}`:           "",
	`{"type":"join","room":false,"new":{"field":[1,2]}}`:                               "",
	`{"type":"join","name":"Ada"}`:                                                     codeMalformed,
	`{"type":"join","room":"yes"}`:                                                     codeMalformed,
	`{"type":"join","room":true,"name":7}`:                                             codeMalformed,
	`{"type":"join","room":true,"key":"` + strings.Repeat("k", maxCredential+1) + `"}`: codeTooLarge,
	`{"type":"visit"}`:                                            "",
	`{"type":"resume","session":"s","seq":0}`:                     "",
	`{"type":"resume","session":"s"}`:                             codeMalformed,
	`{"type":"resume","seq":1}`:                                   codeMalformed,
	`{"type":"ack","seq":3}`:                                      "",
	`{"type":"ack","seq":-3}`:                                     codeMalformed,
	`{"type":"ack","seq":1e300}`:                                  codeMalformed,
	`{"type":"ping"}`:                                             "",
	`{"type":"leave","seq":"x"}`:                                  "",
	`{"type":"viaDirect"}`:                                        codeMalformed,
	`{"type":"viaDirect","seq":0}`:                                codeMalformed,
	`{"type":"viaDirect","seq":1.5}`:                              codeMalformed,
	`{"type":"viaDirect","seq":9007199254740992}`:                 codeMalformed,
	`{"type":"viaDirect","seq":9007199254740991}`:                 "",
	`{"type":"viaRoom","seq":1,"generation":1,"reason":"wish"}`:   "",
	`{"type":"viaRoom","seq":1,"generation":1,"reason":"people"}`: codeMalformed,
	`{"type":"viaRoom","seq":1,"reason":"wish"}`:                  codeMalformed,
	`{"type":"arrived","seq":1}`:                                  codeMalformed,
	`{"type":"state","seq":1,"state":{"microphone":true,"camera":true,"screen":false}}`:                                                      "",
	`{"type":"state","seq":1,"state":{"microphone":true,"camera":true}}`:                                                                     codeMalformed,
	`{"type":"state","seq":1,"state":{"microphone":true,"camera":true,"screen":false,"recording":true}}`:                                     "",
	`{"type":"state","seq":1,"state":{"microphone":true,"camera":true,"screen":false,"recording":1}}`:                                        codeMalformed,
	`{"type":"state","seq":1,"state":null}`:                                                                                                  codeMalformed,
	`{"type":"ring","seq":1,"to":""}`:                                                                                                        codeMalformed,
	`{"type":"accept","seq":1,"room":true}`:                                                                                                  "",
	`{"type":"decline","seq":1}`:                                                                                                             "",
	`{"type":"decline","seq":1,"text":"` + strings.Repeat("é", 200) + `"}`:                                                                   "",
	`{"type":"decline","seq":1,"text":"` + strings.Repeat("é", 201) + `"}`:                                                                   codeTooLarge,
	`{"type":"signal","seq":1,"to":"b","generation":1,"candidate":null}`:                                                                     "",
	`{"type":"signal","seq":1,"to":"b","generation":1,"candidate":{"candidate":"","sdpMid":null,"sdpMLineIndex":0,"usernameFragment":null}}`: "",
	`{"type":"signal","seq":1,"to":"b","generation":1,"candidate":{"sdpMid":"0"}}`:                                                           codeMalformed,
	`{"type":"signal","seq":1,"to":"b","generation":1,"candidate":{"candidate":"","sdpMLineIndex":70000}}`:                                   codeMalformed,
	`{"type":"signal","seq":1,"to":"b","generation":1,"candidate":"x"}`:                                                                      codeMalformed,
	`{"type":"signal","seq":1,"to":"b","generation":1}`:                                                                                      codeMalformed,
	`{"type":"signal","seq":1,"to":"b","generation":1,"candidate":null,"description":{"type":"offer","sdp":"v"}}`:                            codeMalformed,
	`{"type":"signal","seq":1,"to":"b","generation":1,"description":{"type":"offer","sdp":"v","sources":{"0":"screenSound"}}}`:               "",
	`{"type":"signal","seq":1,"to":"b","generation":1,"description":{"type":"offer","sdp":"v","sources":{"0":"hologram"}}}`:                  codeMalformed,
	`{"type":"signal","seq":1,"to":"b","generation":1,"description":{"type":"offer","sdp":"v","sources":{"":"camera"}}}`:                     codeMalformed,
	`{"type":"signal","seq":1,"to":"b","generation":1,"description":{"type":"rollback","sdp":""}}`:                                           codeMalformed,
	`{"type":"signal","seq":1,"to":"b","generation":1,"description":{"type":"answer","sdp":""}}`:                                             codeMalformed,
	`{"type":"signal","seq":1,"to":"b","generation":1,"description":{"type":"offer","sdp":"` + strings.Repeat("v", maxSDPBytes+1) + `"}}`:    codeTooLarge,
	`{"type":"signal","seq":1,"to":"b","generation":1,"candidate":{"candidate":"` + strings.Repeat("c", maxCandidateBytes+1) + `"}}`:         codeTooLarge,
	`{"type":"signal","seq":1,"to":"","generation":1,"candidate":null}`:                                                                      codeMalformed,
	`{"type":"dance"}`:  codeMalformed,
	`{}`:                codeMalformed,
	`[]`:                codeMalformed,
	`null`:              codeMalformed,
	``:                  codeMalformed,
	`{"type":"ping"`:    codeMalformed,
	`{"type":"ping"}{}`: codeMalformed,
}

func TestParse(t *testing.T) {
	for text, want := range samples {
		got, refused := parse([]byte(text))
		switch {
		case refused == nil && want == "" && got.request != nil:
		case refused != nil && want == refused.code && got.request == nil:
		default:
			t.Errorf("%.100s: %+v, %v instead of %q", text, got, refused, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for text := range samples {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, refused := parse(data)
		if (refused == nil) != (got.request != nil) {
			t.Fatalf("%+v and %v", got, refused)
		}
		if got.seq > 0 != kinds[got.kind].numbered && refused == nil {
			t.Fatalf("number %d of %q", got.seq, got.kind)
		}
		switch r := got.request.(type) {
		case *joinRequest:
			fit(t, r.Name)
		case *acceptRequest:
			fit(t, r.Name)
		case *declineRequest:
			fit(t, r.Text)
		case *signalRequest:
			// What is passed on is bounded and can be read by the other side.
			m := &signalMessage{head{"signal", 1}, "a", r.Generation, r.Description, r.Candidate}
			var again struct {
				Description *description    `json:"description"`
				Candidate   json.RawMessage `json:"candidate"`
			}
			passed := encode(m)
			if err := json.Unmarshal(passed, &again); err != nil || (again.Description == nil) == (again.Candidate == nil) || len(passed) > 8*maxMessageBytes {
				t.Fatalf("passed on as %s: %v", passed, err)
			}
		}
	})
}

// fit checks that a text for people is what cleaning promises, and stays as it is.
func fit(t *testing.T, text string) {
	if plain.Line(text) != text || len(text) > 4*maxDeclineRunes {
		t.Fatalf("%q is not clean", text)
	}
}
