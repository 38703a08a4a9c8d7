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
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/dial"
)

// How an event is tried: with twice the time between attempts each time. It is given up after some attempts between which the receiver took others,
// in about a minute, for then the event is what is wrong; where the receiver takes nothing, not before it was tried for longer than a deployment takes. A
// receiver that asks for more time gets it, within limits.
const (
	attempts      = 9
	longestTried  = 10 * time.Minute
	firstWait     = 250 * time.Millisecond
	longestWait   = 10 * time.Second
	longestAsked  = 30 * time.Second
	signatureLife = 5 * time.Minute
	maxAnswer     = 64 << 10 // bytes that are read so that the connection can be used again
)

// unwilling tells of an answer that is none of success.
type unwilling struct {
	code   int
	status string        // the code with its words
	again  bool          // another attempt may change it
	after  time.Duration // how long to wait before that; 0 when the receiver did not say
}

func (u unwilling) Error() string { return "the receiver answered " + u.status }

// deliver sends an event, which tells how many went missing before it, until the receiver has taken it, or gives it up with an error. While it waits for
// another attempt others have its place among the requests; once the queue is closed it does not wait.
func (r *receiver) deliver(ctx context.Context, e *event) (err error) {
	var noted *Delivery
	var missing int32
	sent, blamed := r.sent.Load(), 0 // blamed are the attempts that failed while the receiver took others
	defer func() {
		if err != nil {
			r.missing.Add(missing) // told with the next
		}
	}()
	for attempt := 1; ; attempt++ {
		if err := r.queue.enter(ctx); err != nil {
			return err
		}
		if noted == nil {
			missing = r.missing.Swap(0)
			body, err := e.body(missing)
			if err != nil {
				r.queue.leave()
				return fmt.Errorf("encoding: %w", err)
			}
			noted = r.begin(e, body)
		}
		err := r.post(ctx, noted.Body)
		r.queue.leave()
		if now := r.sent.Load(); now != sent {
			sent, blamed = now, blamed+1
		}
		last := err == nil || !worthAnother(err) || blamed == attempts || time.Since(noted.At) >= longestTried
		r.tried(noted, err, last || isClosed(r.queue.closing))
		if err == nil {
			r.sent.Add(1)
			return nil
		}
		r.failed.Add(1)
		if last {
			return err
		}
		r.log.Debug("a webhook event is tried again", "event", e.Event, "id", e.Id, "attempt", attempt, "error", err)
		wait := time.NewTimer(waitBefore(attempt, err))
		select {
		case <-wait.C:
		case <-r.queue.closing:
			wait.Stop()
			return fmt.Errorf("the server stops: %w", err)
		}
	}
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
	switch code := res.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code >= 500, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout:
		seconds, _ := strconv.Atoi(res.Header.Get("Retry-After")) // a date counts as nothing said
		return unwilling{code, res.Status, true, time.Duration(seconds) * time.Second}
	}
	return unwilling{code: res.StatusCode, status: res.Status}
}

func worthAnother(err error) bool {
	if no, answered := errors.AsType[unwilling](err); answered {
		return no.again
	}
	return !errors.Is(err, dial.ErrRefused) && !errors.Is(err, context.Canceled)
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
