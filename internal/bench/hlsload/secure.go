package hlsload

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
)

// newSecure makes the client of a viewer whose only connection is TLS with HTTP/2. Whom it speaks to is not looked at.
func newSecure() *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, MaxConnsPerHost: 1, DisableCompression: true,
	}}
}

// getSecurely is get over TLS and HTTP/2. What heads take there is not known.
func (v *viewer) getSecurely(path string, whole bool) ([]byte, error) {
	r, err := http.NewRequestWithContext(v.ctx, http.MethodGet, "https://"+v.host+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "tutti-bench")
	resp, err := v.secure.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch {
	case resp.ProtoMajor != 2:
		return nil, fmt.Errorf("%s is answered over %s, not HTTP/2", path, resp.Proto)
	case resp.StatusCode != http.StatusOK || resp.ContentLength < 0:
		return nil, fmt.Errorf("%s answers %s, %d bytes", path, resp.Status, resp.ContentLength)
	}
	size := int(resp.ContentLength)
	keep := size
	if !whole {
		keep = min(size, begins)
	}
	body := make([]byte, keep)
	if _, err := io.ReadFull(resp.Body, body); err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return nil, err
	}
	return v.counted(body, whole, size, 0), nil
}
