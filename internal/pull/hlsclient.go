package pull

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/dial"
)

const (
	maxPlaylist = 512 << 10 // bytes, unpacked
	maxSegment  = 32 << 20
	maxHeader   = 1 << 20
	// attempts is how often what fails is asked for once a stream has begun, with so much more of a wait each time.
	attempts = 4
	askLater = 500 * time.Millisecond
)

var (
	// errAddress does not wrap what is wrong with one, which would quote it, query and all.
	errAddress      = errors.New("the playlist names an address that is none")
	errRedirect     = errors.New("a redirect to an address that is none")
	errLongPlaylist = errors.New("a playlist of more than 512 KiB")
	errCutShort     = errors.New("the answer is cut short")
	errTooLarge     = errors.New("it is larger than a segment may be")
	errNoKey        = errors.New("what is at the key's address is no key of AES-128")
	errWrongKey     = errors.New("a segment cannot be decrypted with its key")
)

// hlsClient fetches what an HLS stream is made of. It belongs to one goroutine.
type hlsClient struct {
	http *http.Client
	// keyAt is where the last key was found, and keyIs what it is.
	keyAt string
	keyIs []byte
	// begun tells that something has come: what fails is asked for again, for others may have no trouble with it.
	begun bool
}

// get reads what is at an address, and tells where that is: it may have moved.
func (c *hlsClient) get(ctx context.Context, at *url.URL, most int) (b []byte, found *url.URL, err error) {
	for n := 1; ; n++ {
		b, found, err = c.ask(ctx, at, most)
		c.begun = c.begun || err == nil
		if err == nil || n == attempts || !c.begun || !mayPass(err) {
			return b, found, err
		}
		timer := time.NewTimer(time.Duration(n) * askLater)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, nil, err
		}
	}
}

// mayPass tells whether asking again may help: a server that cannot be reached, or has trouble, or of several the one that has not got yet what another
// one has listed.
func mayPass(err error) bool {
	var denial dial.Denial
	if errors.As(err, &denial) {
		return denial.Code == "404" || denial.Code == "429" || denial.Code >= "500"
	}
	trouble, _ := dial.TroubleOf(err)
	return trouble == dial.Unreachable || errors.Is(err, errCutShort)
}

// ask is one attempt.
func (c *hlsClient) ask(ctx context.Context, at *url.URL, most int) ([]byte, *url.URL, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, nil, errors.New("the address is none that can be asked") // the error names it, query and all
	}
	req.Header.Set("User-Agent", "Tutti")
	resp, err := c.http.Do(req)
	if err != nil {
		var named *url.Error
		if errors.As(err, &named) {
			err = named.Err // the rest names the URL, query and all
		}
		if strings.Contains(err.Error(), "Location header") { // net/http quotes it
			err = errRedirect
		}
		return nil, nil, dial.Failed("connecting", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, dial.Denial{Code: strconv.Itoa(resp.StatusCode), Words: http.StatusText(resp.StatusCode)}
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, int64(most)+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("%w: %w", errCutShort, err)
	case len(b) > most:
		return nil, nil, errTooLarge
	}
	return b, resp.Request.URL, nil
}

// text reads a playlist. What is in it is relative to where it was found.
func (c *hlsClient) text(ctx context.Context, at *url.URL) (string, *url.URL, error) {
	b, found, err := c.get(ctx, at, maxPlaylist)
	if errors.Is(err, errTooLarge) {
		err = errLongPlaylist
	}
	return string(b), found, err
}

// key reads a key, which segments share for a while.
func (c *hlsClient) key(ctx context.Context, at *url.URL) ([]byte, error) {
	if c.keyIs != nil && c.keyAt == at.String() {
		return c.keyIs, nil
	}
	b, _, err := c.get(ctx, at, aes.BlockSize)
	switch {
	case errors.Is(err, errTooLarge), err == nil && len(b) != aes.BlockSize:
		return nil, errNoKey
	case err != nil:
		return nil, err
	}
	c.keyAt, c.keyIs = at.String(), b
	return b, nil
}

func (c *hlsClient) forgetKey() { c.keyAt, c.keyIs = "", nil }

// decryptCBC decrypts, in place, what is encrypted with AES-128 in CBC and padded as RFC 5652, section 6.3, has it.
func decryptCBC(b, key, iv []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil || len(b) == 0 || len(b)%aes.BlockSize != 0 {
		return nil, errWrongKey
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(b, b)
	padding := int(b[len(b)-1])
	if padding == 0 || padding > aes.BlockSize {
		return nil, errWrongKey
	}
	return b[:len(b)-padding], nil
}
