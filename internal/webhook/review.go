package webhook

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

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
	url    string
	keys   auth.Keys
	client *http.Client
	open   bool // lets through what the application does not answer for
	log    *slog.Logger
	busy   chan struct{}
}

// NewReviewer makes a reviewer. open lets messages through when the application does not answer in time, or not as it should.
func NewReviewer(target string, open bool, keys auth.Keys, client *http.Client, log *slog.Logger) *Reviewer {
	return &Reviewer{url: target, keys: keys, client: client, open: open, log: log, busy: make(chan struct{}, maxReviews)}
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
	body, err := json.Marshal(map[string]any{"room": roomName, "from": from, "text": text})
	if err != nil {
		return v, err
	}
	sum := sha256.Sum256(body)
	token, err := r.keys.Mint(auth.Claims{SHA256: base64.StdEncoding.EncodeToString(sum[:])}, signatureLife, time.Now())
	if err != nil {
		return v, fmt.Errorf("signing: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return v, err
	}
	req.Header.Set("Authorization", token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Tutti")
	res, err := r.client.Do(req)
	if err != nil {
		var secret *url.Error
		if errors.As(err, &secret) {
			err = secret.Err // the rest names the URL, query and all
		}
		return v, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return v, refused{res.Status}
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(&v); err != nil {
		return v, fmt.Errorf("reading the answer: %w", err)
	}
	if v.Allow == nil {
		return v, errors.New("the answer has no \"allow\"")
	}
	return v, nil
}
