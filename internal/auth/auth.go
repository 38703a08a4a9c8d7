// Package auth says who somebody is and what they may do: API keys, LiveKit access tokens, and the keys in host, guest,
// watch and publish links, which are derived from the API secret and so need no storage.
package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Errors that a credential can be refused with. ErrExpired and ErrRevoked also are an ErrInvalid.
var (
	ErrMissing = errors.New("no token or key given")
	ErrInvalid = errors.New("token or key is not valid")
	ErrExpired = fmt.Errorf("%w: expired", ErrInvalid)
	ErrRevoked = fmt.Errorf("%w: revoked", ErrInvalid)
	ErrDenied  = errors.New("token or key does not permit this")
)

// Grant is what a token permits, in the shape of LiveKit's "video" claim. An absent permission is granted.
type Grant struct {
	Room                 string   `json:"room,omitempty"`
	RoomJoin             bool     `json:"roomJoin,omitempty"`
	RoomCreate           bool     `json:"roomCreate,omitempty"`
	RoomList             bool     `json:"roomList,omitempty"`
	RoomAdmin            bool     `json:"roomAdmin,omitempty"`
	CanPublish           *bool    `json:"canPublish,omitempty"`
	CanSubscribe         *bool    `json:"canSubscribe,omitempty"`
	CanPublishData       *bool    `json:"canPublishData,omitempty"`
	CanPublishSources    []string `json:"canPublishSources,omitempty"`
	CanUpdateOwnMetadata *bool    `json:"canUpdateOwnMetadata,omitempty"`
	Hidden               bool     `json:"hidden,omitempty"`
	IngressAdmin         bool     `json:"ingressAdmin,omitempty"`
	// Recorder and Agent mark who is there for the others.
	Recorder bool `json:"recorder,omitempty"`
	Agent    bool `json:"agent,omitempty"`
	// DestinationRoom is where RoomAdmin may move participants of Room to.
	DestinationRoom string `json:"destinationRoom,omitempty"`
}

// Claims is a verified token's content.
type Claims struct {
	Identity string `json:"-"`
	// Made is when the token was, zero where it does not say (neither iat nor nbf).
	Made time.Time `json:"-"`
	// Expires is when the token does, zero for claims that come of none.
	Expires time.Time `json:"-"`
	// Named tells that the token says a name.
	Named      bool              `json:"-"`
	Name       string            `json:"name,omitempty"`
	Kind       string            `json:"kind,omitempty"`
	Metadata   string            `json:"metadata,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
	Video      Grant             `json:"video"`
	// RoomConfig is for the room where the holder of the token opens it.
	RoomConfig *RoomConfig `json:"roomConfig,omitempty"`
	// Tenure is that of the room for which the server itself made the token; see Keys.Tenure. Tokens of applications have none.
	Tenure string `json:"tenure,omitempty"`
	// SHA256 is the hash, in base64, of the message that the token was made for.
	SHA256 string `json:"sha256,omitempty"`
}

// RoomConfig is what is used here of LiveKit's RoomConfiguration, in protobuf's JSON. Timeouts are in seconds.
type RoomConfig struct {
	EmptyTimeout     uint32 `json:"emptyTimeout,omitempty"`
	DepartureTimeout uint32 `json:"departureTimeout,omitempty"`
	MaxParticipants  uint32 `json:"maxParticipants,omitempty"`
	Metadata         string `json:"metadata,omitempty"`
}

type tokenClaims struct {
	Claims
	jwt.RegisteredClaims
}

// Keys is the server's API key and secret. It is immutable.
type Keys struct {
	Key, Secret string
}

// Mint makes a token that is valid for ttl from now.
func (k Keys) Mint(c Claims, ttl time.Duration, now time.Time) (string, error) {
	if c.Video.RoomJoin && c.Identity == "" {
		return "", errors.New("auth: a token to join needs an identity")
	}
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, tokenClaims{c, jwt.RegisteredClaims{
		Issuer: k.Key, Subject: c.Identity,
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now.Add(-10 * time.Second)), ExpiresAt: jwt.NewNumericDate(now.Add(ttl)),
	}})
	return t.SignedString([]byte(k.Secret))
}

// Verify checks a token's signature (HS256 only), issuer and times and gives its claims.
func (k Keys) Verify(token string) (Claims, error) {
	if token == "" {
		return Claims{}, ErrMissing
	}
	if len(token) > 64<<10 {
		return Claims{}, ErrInvalid
	}
	var c tokenClaims
	_, err := jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return []byte(k.Secret), nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer(k.Key), jwt.WithExpirationRequired(), jwt.WithLeeway(10*time.Second))
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return Claims{}, ErrExpired
	case err != nil:
		return Claims{}, ErrInvalid
	}
	c.Identity, c.Expires, c.Named = c.Subject, c.ExpiresAt.Time, c.Name != ""
	for _, at := range []*jwt.NumericDate{c.IssuedAt, c.NotBefore} {
		if at != nil && at.After(c.Made) {
			c.Made = at.Time
		}
	}
	return c.Claims, nil
}

// Role is what the key in a link makes of somebody.
type Role string

const (
	// Host may do everything in one room; Guest may take part; Watcher may play; Publisher may send a live stream in.
	Host      Role = "host"
	Guest     Role = "guest"
	Watcher   Role = "watch"
	Publisher Role = "publish"
)

// LinkKey is the key that gives a role in a room. It is the same every time, so a link stays valid for as long as the
// API secret does and the salt (kept with the room, "" by default) is not changed.
func (k Keys) LinkKey(room string, role Role, salt string) string {
	mac := hmac.New(sha256.New, []byte(k.Secret))
	fmt.Fprintf(mac, "tutti link\x00%s\x00%s\x00%s", role, room, salt)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// Tenure names a room as distinct from others that had its name before and will have it after: the room of this salt.
func (k Keys) Tenure(room, salt string) string {
	mac := hmac.New(sha256.New, []byte(k.Secret))
	fmt.Fprintf(mac, "tutti tenure\x00%s\x00%s", room, salt)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:12])
}

// StreamKey is what an encoder shows to publish into a room: the link key of a publisher where id is "" (nobody made or changed it), else
// one of several that the room has. Another nonce makes another key.
func (k Keys) StreamKey(room, id, nonce, salt string) string {
	if id == "" {
		return k.LinkKey(room, Publisher, salt)
	}
	return k.LinkKey(room, Role(string(Publisher)+"\x01"+id+"\x01"+nonce), salt)
}

// Alias is the public name, in one room, of whoever knows a secret of their own making. Nobody can take it who knows the
// alias alone.
func (k Keys) Alias(room, own string) string {
	mac := hmac.New(sha256.New, []byte(k.Secret))
	fmt.Fprintf(mac, "tutti alias\x00%s\x00%s", room, own)
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// IsLinkKey compares in constant time.
func (k Keys) IsLinkKey(key, room string, role Role, salt string) bool {
	return subtle.ConstantTimeCompare([]byte(key), []byte(k.LinkKey(room, role, salt))) == 1
}

// Pass lets anybody watch a room until then. It is the same for all who get one that ends at the same time, so an address with it
// in its path can be cached.
func (k Keys) Pass(room, salt string, until time.Time) string {
	end := strconv.FormatInt(until.Unix(), 36)
	mac := hmac.New(sha256.New, []byte(k.Secret))
	fmt.Fprintf(mac, "tutti pass\x00%s\x00%s\x00%s", end, room, salt)
	return end + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// CheckPass refuses with ErrInvalid, or ErrExpired where the pass was good once. It compares in constant time.
func (k Keys) CheckPass(pass, room, salt string, now time.Time) error {
	end, _, ok := strings.Cut(pass, ".")
	at, err := strconv.ParseInt(end, 36, 64)
	if !ok || err != nil || len(pass) > maxPass {
		return ErrInvalid
	}
	until := time.Unix(at, 0)
	if subtle.ConstantTimeCompare([]byte(pass), []byte(k.Pass(room, salt, until))) != 1 {
		return ErrInvalid
	}
	if now.After(until) {
		return ErrExpired
	}
	return nil
}

// maxPass is longer than any pass, in bytes.
const maxPass = 64

// IsSecret tells whether somebody knows the API secret, in constant time.
func (k Keys) IsSecret(key, secret string) bool {
	a := subtle.ConstantTimeCompare([]byte(key), []byte(k.Key))
	b := subtle.ConstantTimeCompare([]byte(secret), []byte(k.Secret))
	return a&b == 1
}
