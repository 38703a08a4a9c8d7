// Package s3 keeps files in a bucket of any server that speaks Amazon's S3 protocol. The library behind it is minio-go's; nobody else
// knows it.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Config says which bucket, and who we are there.
type Config struct {
	// Endpoint is the server, http[s]://HOST[:PORT].
	Endpoint string
	// Region is what requests are signed for; us-east-1 when empty, which servers of one's own take.
	Region string
	Bucket string
	// Prefix goes before all names, as a folder.
	Prefix string
	// PathStyle puts the bucket into the path and not into the host's name.
	PathStyle bool
	// Key and Secret are the credentials. They are in no error and no log.
	Key, Secret string
}

// Dialer connects to where it may; package dial has it.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// ErrNotFound tells that nothing of this name is in the bucket.
var ErrNotFound = errors.New("s3: there is nothing of this name in the bucket")

const (
	// tries is how often the library tries a request: whoever uploads tries again by itself. The library would read a piece for the
	// second try while the connection of the first, which was answered early, may still be reading it.
	tries = 1
	// answerWithin bounds the wait for an answer after a request was sent.
	answerWithin = time.Minute
	idleFor      = time.Minute
)

// Bucket is one. Its methods may be called from any goroutine.
type Bucket struct {
	core   minio.Core
	name   string
	prefix string
	part   int64 // how large the pieces of large files are at least
	within time.Duration
}

// Open makes a bucket without asking the server anything yet.
func Open(c Config, dialer Dialer) (*Bucket, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" && u.Path != "/" || u.User != nil || u.RawQuery != "" {
		return nil, errors.New("s3: the endpoint is not of the form https://HOST")
	}
	if c.Bucket == "" || c.Key == "" || c.Secret == "" {
		return nil, errors.New("s3: a bucket, a key and a secret are needed")
	}
	region := c.Region
	if region == "" {
		region = "us-east-1"
	}
	lookup := minio.BucketLookupDNS
	if c.PathStyle {
		lookup = minio.BucketLookupPath
	}
	core, err := minio.NewCore(u.Host, &minio.Options{
		Creds: credentials.NewStaticV4(c.Key, c.Secret, ""), Secure: u.Scheme == "https", Region: region, BucketLookup: lookup, MaxRetries: tries,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: idleFor,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: answerWithin, DisableCompression: true,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	return &Bucket{core: *core, name: c.Bucket, prefix: c.Prefix, part: partBytes, within: partWithin}, nil
}

func (b *Bucket) key(name string) string { return path.Join(b.prefix, name) }

// Size is how large a file is.
func (b *Bucket) Size(ctx context.Context, name string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, b.within)
	defer cancel()
	info, err := b.core.StatObject(ctx, b.name, b.key(name), minio.StatObjectOptions{})
	if err != nil {
		return 0, known(err)
	}
	return info.Size, nil
}

// Remove deletes a file; one that is not there is none any more.
func (b *Bucket) Remove(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, b.within)
	defer cancel()
	err := known(b.core.RemoveObject(ctx, b.name, b.key(name), minio.RemoveObjectOptions{}))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// read gives a range of a file. The caller closes it.
func (b *Bucket) read(ctx context.Context, name string, from, to int64) (io.ReadCloser, error) {
	o := minio.GetObjectOptions{}
	if err := o.SetRange(from, to-1); err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	body, _, _, err := b.core.GetObject(ctx, b.name, b.key(name), o)
	return body, known(err)
}

// Cause is why a request failed, in one word.
type Cause string

const (
	Unreachable Cause = "unreachable" // the server does not answer
	Denied      Cause = "denied"      // the credentials are wrong, or do not suffice
	NoBucket    Cause = "no_bucket"
	Refused     Cause = "refused" // the server answers, and will not
)

// CauseOf finds the cause of an error.
func CauseOf(err error) Cause {
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) || answer.StatusCode >= 500 {
		return Unreachable
	}
	switch {
	case answer.Code == minio.NoSuchBucket:
		return NoBucket
	case answer.StatusCode == http.StatusForbidden, answer.StatusCode == http.StatusUnauthorized:
		return Denied
	}
	return Refused
}

// known makes ErrNotFound of what the server says so.
func known(err error) error {
	var answer minio.ErrorResponse
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answer) && answer.Code == minio.NoSuchKey:
		return ErrNotFound
	}
	return fmt.Errorf("s3: %w", err)
}
