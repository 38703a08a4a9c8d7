package webhook

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/dial"
)

// How an event is tried: with twice the time between attempts each time, until it has been tried for longer than a deployment takes. A receiver that asks for
// more time gets it, within limits. Where it takes another event of the room after one has failed so often, in about half a minute, that one
// holds nobody up any more.
const (
	longestTried  = 10 * time.Minute
	denials       = 9
	firstWait     = 250 * time.Millisecond
	longestWait   = 10 * time.Second
	longestAsked  = 30 * time.Second
	signatureLife = 5 * time.Minute
	maxAnswer     = 64 << 10 // bytes that are read so that the connection can be used again
)

// errEncoding tells of an event that cannot be sent.
var errEncoding = errors.New("encoding")

// unwilling tells of an answer that is none of success.
type unwilling struct {
	code   int
	status string        // the code with its words
	after  time.Duration // how long to wait before another attempt; 0 when the receiver did not say
}

func (u unwilling) Error() string { return "the receiver answered " + u.status }

// try sends an event once, which tells how many went missing before it, and says whether that was all: it was taken, or is given up.
func (r *receiver) try(ctx context.Context, w *waiting) (over bool, err error) {
	err = r.send(ctx, w)
	over = err == nil || !worthAnother(err) || !w.since.IsZero() && time.Since(w.since) >= longestTried || isClosed(r.queue.closing)
	w.attempts++
	if denies(err) {
		w.denied++
	}
	if w.delivery != nil {
		r.tried(w.delivery, err, over)
	}
	switch {
	case err == nil:
		r.sent.Add(1)
		return over, nil
	case w.delivery != nil:
		r.failed.Add(1)
	}
	if over {
		r.giveUp(w, err.Error())
	} else {
		r.log.Debug("a webhook event is tried again", "event", w.event.Event, "id", w.event.Id, "attempt", w.attempts, "error", err)
	}
	return over, err
}

// giveUp ends the way of an event that the receiver has not taken.
func (r *receiver) giveUp(w *waiting, why string) {
	if w.delivery != nil {
		r.end(w.delivery)
	}
	r.missing.Add(w.missing) // told with the next
	r.drop(w.event, why)
}

// send is try without what follows from it. It has one of the places for requests meanwhile.
func (r *receiver) send(ctx context.Context, w *waiting) error {
	if err := r.queue.enter(ctx, w.late); err != nil {
		return err
	}
	defer r.queue.leave(w.late)
	if w.delivery == nil {
		w.missing = r.missing.Swap(0)
		body, err := w.event.body(w.missing)
		if err != nil {
			return fmt.Errorf("%w: %w", errEncoding, err)
		}
		w.delivery = r.begin(w.event, body)
	}
	return r.post(ctx, w.delivery.Body)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// post sends a body once, signed: the token holds its hash.
func (r *receiver) post(ctx context.Context, body []byte) error {
	sum := sha256.Sum256(body)
	token, err := r.keys.Mint(auth.Claims{SHA256: base64.StdEncoding.EncodeToString(sum[:])}, signatureLife, time.Now())
	if err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", token)
	req.Header.Set("Content-Type", "application/webhook+json")
	req.Header.Set("User-Agent", "Tutti")
	res, err := r.client.Do(req)
	if err != nil {
		var secret *url.Error
		if errors.As(err, &secret) {
			return secret.Err // the rest names the URL, query and all
		}
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer)) // the status says all
	return verdict(res)
}

// verdict reads an answer.
func verdict(res *http.Response) error {
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return nil
	}
	seconds, _ := strconv.Atoi(res.Header.Get("Retry-After")) // a date counts as nothing said
	return unwilling{res.StatusCode, res.Status, time.Duration(seconds) * time.Second}
}

// worthAnother tells whether another attempt may end otherwise. All but what only an application says that has read the event is answered in the place of one
// that is away, too: by what is in front of it, or by its framework.
func worthAnother(err error) bool {
	if no, answered := errors.AsType[unwilling](err); answered {
		switch no.code {
		case http.StatusBadRequest, http.StatusConflict, http.StatusGone, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
			return false
		}
		return true
	}
	return !errors.Is(err, errEncoding) && !errors.Is(err, dial.ErrRefused) && !errors.Is(err, context.Canceled)
}

// denies tells of a failure that may be about the event: whoever reads it may refuse it, break, or take too long. Others are about the receiver alone.
func denies(err error) bool {
	if no, answered := errors.AsType[unwilling](err); answered {
		return no.code != http.StatusTooManyRequests && no.code != http.StatusServiceUnavailable
	}
	connecting, ok := errors.AsType[*net.OpError](err)
	return err != nil && !(ok && connecting.Op == "dial")
}

// waitBefore is how long to wait after some failed attempts: half to one and a half times what is due, so that receivers that
// come back are not met by all at once.
func waitBefore(failed int, err error) time.Duration {
	due := min(firstWait<<min(failed-1, 10), longestWait)
	wait := due/2 + rand.N(due)
	if no, answered := errors.AsType[unwilling](err); answered {
		wait = max(wait, min(no.after, longestAsked))
	}
	return wait
}
