package turn

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Lifetime is how long credentials are good for new allocations.
const Lifetime = time.Hour

// keepable is for how long after their expiry an allocation that already exists may be kept with its credentials: a long
// call must not break off in the middle, and the browser goes on with those that it had at its start.
const keepable = 24 * time.Hour

// maxUsername is the longest username accepted, in bytes (RFC 8489, section 14.3, permits 508).
const maxUsername = 508

var (
	errUsername = errors.New("username is not EXPIRY:USER")
	errExpired  = errors.New("credentials have expired")
)

// DeriveSecret makes the secret for credentials from another one, which cannot be told from it.
func DeriveSecret(from string) string {
	mac := hmac.New(sha256.New, []byte(from))
	mac.Write([]byte("TURN credentials"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// issue makes credentials in the form of the TURN REST API (draft-uberti-behave-turn-rest-00), which coturn knows too.
func issue(secret, user string, expires time.Time) (username, password string) {
	username = strconv.FormatInt(expires.Unix(), 10) + ":" + user
	return username, passwordOf(secret, username)
}

func passwordOf(secret, username string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// parseUsername takes a username apart.
func parseUsername(username string) (user string, expires time.Time, err error) {
	if len(username) > maxUsername {
		return "", time.Time{}, errUsername
	}
	stamp, user, ok := strings.Cut(username, ":")
	if !ok || user == "" {
		return "", time.Time{}, errUsername
	}
	seconds, err := strconv.ParseUint(stamp, 10, 40)
	if err != nil {
		return "", time.Time{}, errUsername
	}
	return user, time.Unix(int64(seconds), 0), nil
}

// userAt gives the user whom a username names, as long as it has not expired: for a new allocation, or for keeping one.
func userAt(username string, now time.Time, forNew bool) (user string, err error) {
	user, expires, err := parseUsername(username)
	if err != nil {
		return "", err
	}
	if !forNew {
		expires = expires.Add(keepable)
	}
	if now.After(expires) {
		return "", errExpired
	}
	return user, nil
}

// A tester is a user whom nobody has let into a room or call: their relays reach only this server, to find out whether they
// can be reached, at no more than testBitrate in bit/s. The mark is no part of any opaque name.
const (
	testMark    = "test."
	testBitrate = 4_000_000
)

func isTester(user string) bool { return strings.HasPrefix(user, testMark) }

// opaque is a name by which a server knows a user without learning who it is.
func opaque(secret, user string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("user " + user))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:12])
}
