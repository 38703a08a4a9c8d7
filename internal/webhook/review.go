package webhook

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room/chat"
	"github.com/tuttilive/tutti/internal/studio"
)

// answerWithin is how long the application may take for a message that it was asked about.
const answerWithin = time.Second

// Reviewer asks the application about each message before it is shown: a signed POST as for events, of
//
//	{"room", "from": {"identity", "name", "role"}, "text"}
//
// answered by {"allow": bool, "text"?: what is shown instead}.
type Reviewer struct {
	asker
	open   bool // lets through what the application does not answer for
	log    *slog.Logger
	places places
}

// NewReviewer makes a reviewer. open lets messages through when the application does not answer in time, or not as it should.
func NewReviewer(target string, open bool, keys auth.Keys, client *http.Client, log *slog.Logger) *Reviewer {
	return &Reviewer{asker: asker{target, keys, client}, open: open, log: log}
}

// Review implements studio.Reviewer. What the application was not asked about is not shown: else whoever writes much would have that shown which it
// would refuse.
func (r *Reviewer) Review(d studio.Written) (shown string, err error) {
	leave, ok := r.places.take(d.Room, d.Address)
	if !ok {
		return "", chat.ErrBusy.After(time.Second)
	}
	defer leave()
	verdict, err := r.ask(d)
	switch {
	case err != nil:
		r.log.Warn("the application does not say whether a message may be shown", "room", d.Room, "shown", r.open, "error", err)
		if !r.open {
			return "", errNoAnswer.After(time.Second)
		}
	case !*verdict.Allow:
		return "", studio.ErrNotShown
	case verdict.Text != "":
		return verdict.Text, nil
	}
	return d.Text, nil
}

type verdictOnChat struct {
	Allow *bool  `json:"allow"`
	Text  string `json:"text"`
}

func (r *Reviewer) ask(d studio.Written) (v verdictOnChat, err error) {
	ctx, done := context.WithTimeout(context.Background(), answerWithin)
	defer done()
	err = r.asker.ask(ctx, map[string]any{"room": d.Room, "from": d.From, "text": d.Text}, &v)
	if err == nil && v.Allow == nil {
		err = errNoVerdict
	}
	return v, err
}
