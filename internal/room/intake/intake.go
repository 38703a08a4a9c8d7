// Package intake has how a room takes streams from encoders: which stream keys are good, from where, and who is shown when there is more
// than one. It is pure state; secrets are derived from it elsewhere (auth.Keys) and are not in it.
package intake

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tuttilive/tutti/internal/room/plain"
	"github.com/tuttilive/tutti/internal/room/refuse"
)

// Main is the ID of the key that each room has without anybody having made it.
const Main = "main"

// Bounds of what is kept of a room.
const (
	maxKeys  = 20
	maxName  = 60 // characters
	maxAllow = 50 // networks
)

// Why a change is refused.
var (
	ErrNoKey    = &refuse.Refusal{Code: "not_found", Message: "there is no such stream key"}
	ErrManyKeys = &refuse.Refusal{Code: "full", Message: "a room has at most 20 stream keys"}
	ErrName     = &refuse.Refusal{Code: "bad_request", Message: "a stream key has a name of at most 60 characters"}
	ErrExpiry   = &refuse.Refusal{Code: "bad_request", Message: "a stream key expires in the future"}
	ErrNetworks = &refuse.Refusal{Code: "bad_request", Message: "allow has at most 50 addresses or networks such as 203.0.113.0/24"}
	ErrConflict = &refuse.Refusal{Code: "bad_request", Message: "conflict is together, refuse, replace or standby"}
)

// Key is one stream key of a room.
type Key struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// Nonce goes into the secret, so that another one makes another secret. Only the main key's first one is empty.
	Nonce string `json:"nonce,omitempty"`
	// Backup marks an encoder that is shown only while no other is there, where only one is at a time.
	Backup bool `json:"backup,omitempty"`
	// Allow are the networks from which the key is good; none for all that the room allows.
	Allow     []netip.Prefix `json:"allow,omitempty"`
	CreatedAt time.Time      `json:"createdAt,omitzero"`
	// ExpiresAt is zero for never.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// Revoked is kept of the main key alone; of others nothing is left.
	Revoked bool `json:"revoked,omitempty"`
}

// Expired tells whether a key is no longer good.
func (k Key) Expired(now time.Time) bool { return !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt) }

// Settings are how a room takes streams. The zero value is what rooms have of which nobody said anything. What slices hold is not changed.
type Settings struct {
	// Keys are those that were made or changed.
	Keys []Key `json:"keys,omitempty"`
	// Allow are the networks from which encoders may publish; none for everywhere.
	Allow    []netip.Prefix `json:"allow,omitempty"`
	Conflict Conflict       `json:"conflict,omitempty"`
	// Absence is what becomes of a show while nobody publishes, Wait for how long the room waits for its publisher, 0 for as long as the
	// server does.
	Absence Absence       `json:"absence,omitempty"`
	Wait    time.Duration `json:"wait,omitempty"`
	// Slate is a JPEG; empty for the one that comes with the server. It is kept apart from the rest.
	Slate []byte `json:"-"`
}

// IsZero tells whether there is nothing to keep.
func (s Settings) IsZero() bool {
	return len(s.Keys) == 0 && len(s.Allow) == 0 && s.Conflict == "" && s.Absence == "" && s.Wait == 0 && len(s.Slate) == 0
}

// All are the keys that are not revoked, the main one first.
func (s Settings) All() []Key {
	list := s.Keys
	if !slices.ContainsFunc(list, func(k Key) bool { return k.ID == Main }) {
		list = append([]Key{{ID: Main}}, list...)
	}
	return slices.DeleteFunc(slices.Clone(list), func(k Key) bool { return k.Revoked })
}

// Key finds a key that is not revoked.
func (s Settings) Key(id string) (Key, bool) {
	for _, k := range s.All() {
		if k.ID == id {
			return k, true
		}
	}
	return Key{}, false
}

// Good tells whether who was let in by a key is still let in by it, after whatever changed: not after it was revoked or rotated, or has expired.
func (s Settings) Good(key Key, now time.Time) bool {
	k, ok := s.Key(key.ID)
	return ok && k.Nonce == key.Nonce && !k.Expired(now)
}

// Allows tells whether an encoder may publish from an address with a key, the zero value for none.
func (s Settings) Allows(from netip.Addr, key Key) bool {
	if k, ok := s.Key(key.ID); ok {
		key = k
	}
	return within(from, s.Allow) && within(from, key.Allow)
}

func within(a netip.Addr, list []netip.Prefix) bool {
	a = a.Unmap().WithZone("")
	return len(list) == 0 || slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

// KeyChange is what is changed of a key; nil leaves what is.
type KeyChange struct {
	Name   *string `json:"name"`
	Backup *bool   `json:"backup"`
	// Allow are addresses and networks.
	Allow *[]string `json:"allow"`
	// ExpiresAt is the zero time for never.
	ExpiresAt *time.Time `json:"expiresAt"`
}

func (c KeyChange) apply(k Key, now time.Time) (Key, error) {
	if c.Name != nil {
		k.Name = plain.Line(*c.Name)
		if utf8.RuneCountInString(k.Name) > maxName {
			return k, ErrName
		}
	}
	if c.Backup != nil {
		k.Backup = *c.Backup
	}
	if c.Allow != nil {
		list, err := Networks(*c.Allow)
		if err != nil {
			return k, err
		}
		k.Allow = list
	}
	if c.ExpiresAt != nil {
		at, ok := plain.Time(*c.ExpiresAt)
		if !ok || !at.IsZero() && !at.After(now) {
			return k, ErrExpiry
		}
		k.ExpiresAt = at
	}
	return k, nil
}

// Networks reads addresses and networks.
func Networks(texts []string) ([]netip.Prefix, error) {
	if len(texts) > maxAllow {
		return nil, ErrNetworks
	}
	var list []netip.Prefix
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, bad := netip.ParseAddr(text)
			if bad != nil || a.Zone() != "" {
				return nil, ErrNetworks
			}
			a = a.Unmap()
			p = netip.PrefixFrom(a, a.BitLen())
		}
		if p.Addr().Is4In6() {
			return nil, ErrNetworks
		}
		list = append(list, p.Masked())
	}
	return list, nil
}

// Add makes a key.
func (s *Settings) Add(c KeyChange, now time.Time) (Key, error) {
	if len(s.All()) >= maxKeys {
		return Key{}, ErrManyKeys
	}
	k, err := c.apply(Key{ID: strings.ToLower(rand.Text()[:8]), Nonce: nonce(), CreatedAt: now.UTC()}, now)
	if err != nil {
		return Key{}, err
	}
	s.put(k)
	return k, nil
}

// Change changes a key that is not revoked.
func (s *Settings) Change(id string, c KeyChange, now time.Time) (Key, error) {
	k, ok := s.Key(id)
	if !ok {
		return Key{}, ErrNoKey
	}
	k, err := c.apply(k, now)
	if err == nil {
		s.put(k)
	}
	return k, err
}

// Rotate gives a key another secret. It brings the main key back where that was revoked.
func (s *Settings) Rotate(id string) (Key, error) {
	k, ok := s.Key(id)
	switch {
	case !ok && id != Main:
		return Key{}, ErrNoKey
	case !ok:
		k = Key{ID: Main}
	}
	k.Nonce = nonce()
	s.put(k)
	return k, nil
}

// Revoke makes a key worthless.
func (s *Settings) Revoke(id string) error {
	if _, ok := s.Key(id); !ok {
		return ErrNoKey
	}
	if id == Main {
		s.put(Key{ID: Main, Revoked: true})
		return nil
	}
	s.Keys = slices.DeleteFunc(slices.Clone(s.Keys), func(k Key) bool { return k.ID == id })
	return nil
}

// put keeps a key in the place of the one with its ID, else behind the others.
func (s *Settings) put(k Key) {
	s.Keys = slices.Clone(s.Keys)
	if i := slices.IndexFunc(s.Keys, func(old Key) bool { return old.ID == k.ID }); i >= 0 {
		s.Keys[i] = k
		return
	}
	if k.ID == Main {
		s.Keys = append([]Key{k}, s.Keys...)
		return
	}
	s.Keys = append(s.Keys, k)
}

func nonce() string { return strings.ToLower(rand.Text()) }
