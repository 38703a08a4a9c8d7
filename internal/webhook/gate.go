package webhook

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/plain"
	"github.com/tuttilive/tutti/internal/studio"
)

const (
	// maxAsked is how many questions are open at a time, about players and about publishers, maxVerdicts how many answers are remembered.
	maxAsked    = 64
	maxVerdicts = 50_000
	// refusedFor is how long a refusal is remembered at most, and that there was no answer: who was let in by the application meanwhile shall not
	// wait, nor shall who was let in for want of an answer stay.
	refusedFor = 5 * time.Second
	maxReason  = 200 // bytes of what the application says
)

// GateOptions are what a gate needs.
type GateOptions struct {
	URL string
	// Publish and Play say what is asked for.
	Publish, Play bool
	// Open lets those in for whom the application does not answer within Patience, or not as it should.
	Open     bool
	Patience time.Duration
	// Remember is for how long the answer for a player holds, for whoever shows the same from the same address.
	Remember time.Duration
	Keys     auth.Keys
	Client   *http.Client
	Log      *slog.Logger
}

// Gate asks the application about each who publishes or plays: a signed POST as for events, of
//
//	{"action": "publish"|"play", "room", "protocol", "address", "identity"?, "name"?, "key"?}
//
// answered by {"allow": bool, "reason"?: what is told to who is refused}.
type Gate struct {
	asker
	GateOptions
	// busy has a place for each question that is open. Players, who are anybody, do not take those of publishers.
	busy map[studio.Doing]chan struct{}

	mu       sync.Mutex
	verdicts map[visitor]*verdictOnVisit
}

// visitor is who counts as the same. Secrets are in it as a hash.
type visitor struct {
	room, protocol, address string
	shown                   [sha256.Size]byte
}

// verdictOnVisit is what the application said. until and err are set when done is closed.
type verdictOnVisit struct {
	done  chan struct{}
	err   error
	until time.Time
}

// NewGate makes a gate.
func NewGate(o GateOptions) *Gate {
	client := *o.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Gate{asker: asker{o.URL, o.Keys, &client}, GateOptions: o, verdicts: map[visitor]*verdictOnVisit{}, busy: map[studio.Doing]chan struct{}{
		studio.Publishing: make(chan struct{}, maxAsked), studio.Playing: make(chan struct{}, maxAsked),
	}}
}

// Pass implements studio.Gate.
func (g *Gate) Pass(ctx context.Context, v studio.Visit) error {
	switch {
	case v.Action == studio.Publishing && g.Publish:
		_, err := g.judge(ctx, v)
		return err
	case v.Action == studio.Playing && g.Play:
		return g.recall(ctx, v)
	}
	return nil
}

// recall gives the answer that is remembered, or asks: once for all who ask at the same time.
func (g *Gate) recall(ctx context.Context, v studio.Visit) error {
	who := visitor{v.Room, v.Protocol, v.Address, sha256.Sum256([]byte(v.Shown))}
	g.mu.Lock()
	known := g.verdicts[who]
	if known != nil {
		select {
		case <-known.done:
			if time.Now().After(known.until) {
				known = nil
			}
		default:
		}
	}
	if known != nil {
		g.mu.Unlock()
		select {
		case <-known.done:
			return known.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	known = &verdictOnVisit{done: make(chan struct{})}
	for old := range g.verdicts {
		if len(g.verdicts) < maxVerdicts {
			break
		}
		delete(g.verdicts, old) // any one; who is asked for just now is answered all the same
	}
	g.verdicts[who] = known
	g.mu.Unlock()
	// The one who asks first may go away; the others wait for the answer.
	answered, err := g.judge(context.WithoutCancel(ctx), v)
	known.err = err
	lasts := g.Remember
	if err != nil || !answered {
		lasts = min(lasts, refusedFor)
	}
	known.until = time.Now().Add(lasts)
	close(known.done)
	return known.err
}

// judge asks, and tells whether there was an answer.
func (g *Gate) judge(ctx context.Context, v studio.Visit) (answered bool, no error) {
	ctx, cancel := context.WithTimeout(ctx, g.Patience)
	defer cancel()
	select {
	case g.busy[v.Action] <- struct{}{}:
		defer func() { <-g.busy[v.Action] }()
	case <-ctx.Done():
		return false, g.unanswered(v, ctx.Err())
	}
	var verdict struct {
		Allow  *bool  `json:"allow"`
		Reason string `json:"reason"`
	}
	err := g.ask(ctx, v, &verdict)
	if err == nil && verdict.Allow == nil {
		err = errNoVerdict
	}
	switch {
	case err != nil:
		return false, g.unanswered(v, err)
	case *verdict.Allow:
		return true, nil
	}
	reason := plain.Line(verdict.Reason)
	if reason == "" || len(reason) > maxReason {
		reason = "the application does not allow this"
	}
	g.Log.Info("the application refuses", "action", v.Action, "room", v.Room, "protocol", v.Protocol, "reason", reason)
	return true, &room.Refusal{Code: "forbidden", Message: reason}
}

func (g *Gate) unanswered(v studio.Visit, err error) error {
	g.Log.Warn("the application does not say who may publish or play", "action", v.Action, "room", v.Room, "let in", g.Open, "error", err)
	if g.Open {
		return nil
	}
	return errNoAnswer
}
