package webhook

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room/chat"
)

// maxReviews is how many messages are looked at at a time.
const maxReviews = 64

// Reviewer asks the application about each message before it is shown: a signed POST as for events, of
//
//	{"room", "from": {"identity", "name", "role"}, "text"}
//
// answered by {"allow": bool, "text"?: what is shown instead}.
type Reviewer struct {
	asker
	open bool // lets through what the application does not answer for
	log  *slog.Logger
	busy chan struct{}
}

// NewReviewer makes a reviewer. open lets messages through when the application does not answer in time, or not as it should.
func NewReviewer(target string, open bool, keys auth.Keys, client *http.Client, log *slog.Logger) *Reviewer {
	return &Reviewer{asker: asker{target, keys, client}, open: open, log: log, busy: make(chan struct{}, maxReviews)}
}

// Review implements studio.Reviewer.
func (r *Reviewer) Review(ctx context.Context, roomName string, from chat.From, text string) (shown string, allow bool) {
	select {
	case r.busy <- struct{}{}:
		defer func() { <-r.busy }()
	case <-ctx.Done():
		return text, r.open
	}
	verdict, err := r.ask(ctx, roomName, from, text)
	switch {
	case err != nil:
		r.log.Warn("the application does not say whether a message may be shown", "room", roomName, "shown", r.open, "error", err)
		return text, r.open
	case verdict.Text != "":
		text = verdict.Text
	}
	return text, *verdict.Allow
}

type verdictOnChat struct {
	Allow *bool  `json:"allow"`
	Text  string `json:"text"`
}

func (r *Reviewer) ask(ctx context.Context, roomName string, from chat.From, text string) (v verdictOnChat, err error) {
	err = r.asker.ask(ctx, map[string]any{"room": roomName, "from": from, "text": text}, &v)
	if err == nil && v.Allow == nil {
		err = errNoVerdict
	}
	return v, err
}
