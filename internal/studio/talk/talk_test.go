package talk

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tuttilive/tutti/internal/room/stage"
)

func TestDecode(t *testing.T) {
	for in, code := range map[string]string{
		`{"type":"chat","id":1,"text":"x","new":{}}`: "",
		` {"type":"like","count":3} `:                "",
		`{"type":"chat","text":7}`:                   "malformed",
		`{"id":1}`:                                   "malformed",
		`{"type":"chat"} {}`:                         "malformed",
		`[]`:                                         "malformed",
		`{"type":"chat","id":-1}`:                    "malformed",
		`{"type":"chat","id":9007199254740993}`:      "malformed",
		"{\"type\":\"\xff\"}":                        "malformed",
		`{"type":"vote","poll":"` + strings.Repeat("p", 600) + `"}`:             "too_large",
		`{"type":"hello","identity":"` + strings.Repeat("s", 129) + `"}`:        "too_large",
		`{"type":"chat","text":"` + strings.Repeat("x", MaxRequestBytes) + `"}`: "too_large",
	} {
		_, err := Decode([]byte(in))
		got := ""
		if err != nil {
			var answer struct{ Code string }
			if e := json.Unmarshal(Reply{Err: err}.Event("", nil), &answer); e != nil {
				t.Fatal(e)
			}
			got = answer.Code
		}
		if got != code {
			t.Errorf("%.60s: %q instead of %q", in, got, code)
		}
	}
}

func TestAWelcomeSaysWhatTimeItIs(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 250e6, time.UTC)
	welcome := string(Welcome(You{Identity: "ada"}, now, []byte(`{"slow":3}`)))
	if want := `[{"type":"welcome","you":{"identity":"ada","name":"","role":""},"at":"2026-01-01T12:00:00.25Z","slow":3}]`; welcome != want {
		t.Errorf("%s instead of %s", welcome, want)
	}
}

func TestABatchHasTheNewestOfWhatIsAbsolute(t *testing.T) {
	var p Pending
	p.Add(Slow{Seconds: 1})
	p.Add(ChatDeleted{ID: "a"})
	p.Add(Slow{Seconds: 2})
	p.Add(Stage{stage.Snapshot{QueueLength: 1, Queue: []stage.Request{{}}}})
	b := p.Take()
	const before = `[{"type":"chatDeleted","id":"a"},{"type":"slow","seconds":2},{"type":"stage",`
	if !strings.HasPrefix(string(b.All), before) || !strings.HasPrefix(string(b.Hosts), before) {
		t.Errorf("%s\n%s", b.All, b.Hosts)
	}
	if strings.Contains(string(b.All), `"queue":`) || !strings.Contains(string(b.Hosts), `"queue":`) {
		t.Errorf("who is told of raised hands:\n%s\n%s", b.All, b.Hosts)
	}
	if !p.Empty() {
		t.Error("something is left")
	}
}

// TestWhatCannotBeEncodedEndsNothing: whoever encodes holds a room's lock, on a goroutine of nobody's.
func TestWhatCannotBeEncodedEndsNothing(t *testing.T) {
	if got := Encode(Meta{At: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), Data: json.RawMessage("1")}); string(got) != `{"type":"meta"}` {
		t.Errorf("%s", got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"type":"hello","name":"a","key":"k"}`, `{"type":"vote","poll":"p","choices":[1]}`, `{"type":"meta","data":{"a":[1]},"at":"x"}`, `{"id":1e400}`, `[`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Decode(data)
		if err == nil && (r.Type == "" || !utf8.ValidString(r.Name+r.Text) || len([]rune(r.Name)) > 64) {
			t.Fatalf("%+v", r)
		}
		if answer := (Reply{Err: err}).Event(r.Type, r.ID); !json.Valid(answer) {
			t.Fatalf("%s", answer)
		}
	})
}
