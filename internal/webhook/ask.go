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
	"net/http"
	"net/url"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
)

// errNoAnswer refuses what the application was asked about and does not answer for.
var errNoAnswer = &room.Refusal{Code: "unavailable", Message: "the application does not answer: try again in a moment"}

// errNoVerdict tells of an answer that does not say what was asked.
var errNoVerdict = errors.New("the answer has no \"allow\"")

// asker puts questions to the application: POSTs that are signed as events are, answered in JSON.
type asker struct {
	url    string
	keys   auth.Keys
	client *http.Client
}

// ask reads the answer to a question.
func (a asker) ask(ctx context.Context, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	token, err := a.keys.Mint(auth.Claims{SHA256: base64.StdEncoding.EncodeToString(sum[:])}, signatureLife, time.Now())
	if err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Tutti")
	res, err := a.client.Do(req)
	if err != nil {
		var secret *url.Error
		if errors.As(err, &secret) {
			err = secret.Err // the rest names the URL, query and all
		}
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return unwilling{code: res.StatusCode, status: res.Status}
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(answer); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	return nil
}
