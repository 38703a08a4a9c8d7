package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/dial"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

var gateKeys = auth.Keys{Key: "APItest", Secret: "a secret that is long enough for HS256"}

// gateApp answers a gate's questions, and counts them.
type gateApp struct {
	*httptest.Server
	asked  atomic.Int32
	answer func(v studio.Visit, w http.ResponseWriter)
}

func newGateApp(t *testing.T, answer func(v studio.Visit, w http.ResponseWriter)) *gateApp {
	a := &gateApp{answer: answer}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.asked.Add(1)
		body, err := io.ReadAll(r.Body)
		claims, bad := gateKeys.Verify(r.Header.Get("Authorization"))
		sum := sha256.Sum256(body)
		if err != nil || bad != nil || claims.SHA256 != base64.StdEncoding.EncodeToString(sum[:]) {
			t.Errorf("a question that is not signed: %v, %v", err, bad)
		}
		if strings.Contains(string(body), "sesame") {
			t.Errorf("a question gives a secret away: %s", body)
		}
		var v studio.Visit
		if err := json.Unmarshal(body, &v); err != nil {
			t.Error(err)
		}
		a.answer(v, w)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *gateApp) gate(change func(*GateOptions)) *Gate {
	o := GateOptions{
		URL: a.URL, Publish: true, Play: true, Patience: 10 * time.Second, Remember: time.Hour, Keys: gateKeys, Client: http.DefaultClient,
		Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&o)
	}
	return NewGate(o)
}

func codeOf(err error) string {
	var no *room.Refusal
	if errors.As(err, &no) {
		return no.Code
	}
	return ""
}

func player(shown string) studio.Visit {
	return studio.Visit{Action: studio.Playing, Room: "tea", Protocol: "hls", Address: "192.0.2.1", Shown: shown}
}

func TestTheApplicationDecidesWhoPublishes(t *testing.T) {
	app := newGateApp(t, func(v studio.Visit, w http.ResponseWriter) {
		if v.Action != "publish" || v.Protocol != "rtmp" || v.Address != "192.0.2.1" || v.Key != "main" {
			t.Errorf("asked about %+v", v)
		}
		io.WriteString(w, map[bool]string{true: `{"allow":true}`, false: `{"allow":false,"reason":"not paid\nfor"}`}[v.Room == "tea"])
	})
	g := app.gate(nil)
	v := studio.Visit{Action: studio.Publishing, Room: "tea", Protocol: "rtmp", Address: "192.0.2.1", Key: "main", Shown: "sesame"}
	for range 2 {
		if err := g.Pass(context.Background(), v); err != nil {
			t.Error(err)
		}
	}
	v.Room = "coffee"
	if err := g.Pass(context.Background(), v); codeOf(err) != "forbidden" || err.Error() != "not paid for" {
		t.Errorf("refused with %v", err)
	}
	if n := app.asked.Load(); n != 3 {
		t.Errorf("asked %d times: publishers are asked for each time", n)
	}
	if err := app.gate(func(o *GateOptions) { o.Publish = false }).Pass(context.Background(), v); err != nil || app.asked.Load() != 3 {
		t.Errorf("asked about what it is not asked for: %v", err)
	}
}

func TestPlayersAreAskedForOnce(t *testing.T) {
	release := make(chan struct{})
	app := newGateApp(t, func(v studio.Visit, w http.ResponseWriter) {
		<-release
		io.WriteString(w, `{"allow":true}`)
	})
	g := app.gate(nil)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := g.Pass(context.Background(), player("sesame")); err != nil {
				t.Error(err)
			}
		})
	}
	close(release)
	all.Wait()
	if err := g.Pass(context.Background(), player("sesame")); err != nil || app.asked.Load() != 1 {
		t.Errorf("asked %d times, %v", app.asked.Load(), err)
	}
	elsewhere := player("sesame")
	elsewhere.Address = "192.0.2.2"
	for i, v := range []studio.Visit{player("another"), elsewhere} {
		if err := g.Pass(context.Background(), v); err != nil || app.asked.Load() != int32(2+i) {
			t.Errorf("%+v is not asked for: %v", v, err)
		}
	}
	never := app.gate(func(o *GateOptions) { o.Remember = 0 })
	before := app.asked.Load()
	for range 2 {
		if err := never.Pass(context.Background(), player("sesame")); err != nil {
			t.Error(err)
		}
	}
	if app.asked.Load() != before+2 {
		t.Error("an answer is remembered that must not be")
	}
}

func TestAnApplicationThatDoesNotAnswer(t *testing.T) {
	hangs := make(chan struct{})
	defer close(hangs) // before the applications wait for their handlers
	for what, answer := range map[string]func(studio.Visit, http.ResponseWriter){
		"an error":   func(_ studio.Visit, w http.ResponseWriter) { w.WriteHeader(500) },
		"no verdict": func(_ studio.Visit, w http.ResponseWriter) { io.WriteString(w, `{}`) },
		"no JSON":    func(_ studio.Visit, w http.ResponseWriter) { io.WriteString(w, `yes`) },
		"silence":    func(studio.Visit, http.ResponseWriter) { <-hangs },
		"elsewhere": func(_ studio.Visit, w http.ResponseWriter) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
	} {
		app := newGateApp(t, answer)
		for _, open := range []bool{false, true} {
			patience := 10 * time.Second
			if what == "silence" {
				patience = 20 * time.Millisecond
			}
			g := app.gate(func(o *GateOptions) { o.Open, o.Patience = open, patience })
			for _, v := range []studio.Visit{player(""), {Action: studio.Publishing, Room: "tea"}} {
				if err := g.Pass(context.Background(), v); open != (err == nil) || !open && codeOf(err) != "unavailable" {
					t.Errorf("%s, open %v, %s: %v", what, open, v.Action, err)
				}
			}
		}
	}
	inside := newGateApp(t, func(_ studio.Visit, w http.ResponseWriter) { t.Error("an inside address is asked") })
	g := inside.gate(func(o *GateOptions) { o.Client = dial.New(nil).Client(time.Second) })
	if err := g.Pass(context.Background(), player("")); codeOf(err) != "unavailable" {
		t.Errorf("an inside address: %v", err)
	}
}

func TestWhatWasNotAnsweredIsAskedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, works := 0, false
		app := roundTrip(func(*http.Request) (*http.Response, error) {
			asked++
			if !works {
				return nil, errors.New("nobody is there")
			}
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"allow":false}`))}, nil
		})
		g := (&gateApp{Server: &httptest.Server{URL: "http://app.example"}}).gate(func(o *GateOptions) { o.Open, o.Client = true, &http.Client{Transport: app} })
		for range 2 {
			if err := g.Pass(context.Background(), player("sesame")); err != nil || asked != 1 {
				t.Fatalf("asked %d times, %v", asked, err)
			}
		}
		works = true
		time.Sleep(refusedFor + time.Millisecond)
		if err := g.Pass(context.Background(), player("sesame")); codeOf(err) != "forbidden" || asked != 2 {
			t.Errorf("who was let in for want of an answer stays in: %v", err)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestPlayersDoNotKeepPublishersWaiting(t *testing.T) {
	release := make(chan struct{})
	app := newGateApp(t, func(v studio.Visit, w http.ResponseWriter) {
		if v.Action == studio.Playing {
			<-release
		}
		io.WriteString(w, `{"allow":true}`)
	})
	g := app.gate(nil)
	var players sync.WaitGroup
	for i := range maxAsked {
		players.Go(func() { _ = g.Pass(context.Background(), player(strconv.Itoa(i))) })
	}
	for len(g.busy[studio.Playing]) < maxAsked {
		time.Sleep(time.Millisecond)
	}
	err := g.Pass(context.Background(), studio.Visit{Action: studio.Publishing, Room: "tea"})
	close(release)
	players.Wait()
	if err != nil {
		t.Error(err)
	}
}

func TestManyVerdictsAreNotForgottenAtOnce(t *testing.T) {
	app := newGateApp(t, func(_ studio.Visit, w http.ResponseWriter) { io.WriteString(w, `{"allow":true}`) })
	g := app.gate(nil)
	for i := range maxVerdicts {
		g.verdicts[visitor{room: strconv.Itoa(i)}] = &verdictOnVisit{}
	}
	if err := g.Pass(context.Background(), player("sesame")); err != nil || len(g.verdicts) != maxVerdicts {
		t.Errorf("%d are remembered, %v", len(g.verdicts), err)
	}
	if err := g.Pass(context.Background(), player("sesame")); err != nil || app.asked.Load() != 1 {
		t.Errorf("the last one is asked for again: %v", err)
	}
}
