package studio

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/intake"
	"github.com/tuttilive/tutti/internal/store"
)

// Why an encoder is not let in, or sent away, beside the errors of package auth and intake.ErrPublished.
var (
	ErrKeyOver = errors.New("the stream key is no longer good")
	ErrFrom    = errors.New("publishing is not allowed from this address")
)

// intakes are how rooms take streams, kept over restarts. Most rooms have nothing here.
type intakes struct {
	bucket interface {
		Put(roomName string, s intake.Settings) error
		Delete(roomName string) error
	}
	// slates are apart from it, so that a change of a key does not write them again.
	slates interface {
		Put(roomName string, jpeg []byte) error
		Delete(roomName string) error
	}

	changing sync.Mutex // held while what is kept changes

	mu     sync.RWMutex
	byRoom map[string]intake.Settings
}

func openIntakes(s *store.Store) (*intakes, error) {
	b, err := store.OpenBucket[intake.Settings](s, "intakes")
	if err != nil {
		return nil, err
	}
	all, err := b.All()
	if err != nil {
		return nil, err
	}
	slates, err := store.OpenBucket[[]byte](s, "slates")
	if err != nil {
		return nil, err
	}
	kept, err := slates.All()
	if err != nil {
		return nil, err
	}
	for name, slate := range kept {
		of := all[name]
		of.Slate = slate
		all[name] = of
	}
	return &intakes{bucket: b, slates: slates, byRoom: all}, nil
}

func (i *intakes) of(roomName string) intake.Settings {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.byRoom[roomName]
}

func (i *intakes) change(roomName string, change func(*intake.Settings) error) error {
	i.changing.Lock()
	defer i.changing.Unlock()
	next := i.of(roomName)
	before := next.Slate
	if err := change(&next); err != nil {
		return err
	}
	if next.IsZero() {
		return i.drop(roomName)
	}
	if err := i.keepSlate(roomName, before, next.Slate); err != nil {
		return err
	}
	if err := i.bucket.Put(roomName, next); err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.byRoom[roomName] = next
	return nil
}

// keepSlate keeps a room's slate in place of the one before, where that is another one. It fails with intake.ErrSlates.
func (i *intakes) keepSlate(roomName string, before, slate []byte) error {
	switch {
	case bytes.Equal(before, slate):
		return nil
	case len(slate) == 0:
		return i.slates.Delete(roomName)
	}
	total := len(slate) - len(before)
	i.mu.RLock()
	for _, s := range i.byRoom {
		total += len(s.Slate)
	}
	i.mu.RUnlock()
	if total > intake.MaxSlates {
		return intake.ErrSlates
	}
	return i.slates.Put(roomName, slate)
}

// forget forgets what belongs to whoever had the room before.
func (i *intakes) forget(roomName string) error {
	i.changing.Lock()
	defer i.changing.Unlock()
	i.mu.RLock()
	_, has := i.byRoom[roomName]
	i.mu.RUnlock()
	if !has {
		return nil
	}
	return i.drop(roomName)
}

func (i *intakes) drop(roomName string) error {
	if err := i.keepSlate(roomName, i.of(roomName).Slate, nil); err != nil {
		return err
	}
	if err := i.bucket.Delete(roomName); err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.byRoom, roomName)
	return nil
}

// Intake is how a room takes streams.
func (h *House) Intake(roomName string) intake.Settings {
	if h.rooms == nil {
		return intake.Settings{}
	}
	return h.rooms.intakes.of(roomName)
}

// ChangeIntake changes how a room takes streams, and sends encoders away that may not publish any more.
func (h *House) ChangeIntake(roomName string, change func(*intake.Settings) error) error {
	if err := room.CheckName(roomName); err != nil {
		return err
	}
	if h.isAnnex(roomName) { // nobody streams into a group
		return errOff
	}
	if err := h.rooms.intakes.change(roomName, change); err != nil {
		return err
	}
	if s, err := h.Studio(roomName); err == nil {
		s.reviewEncoders()
	}
	return nil
}

// StreamKey is the secret of a room's stream key.
func (h *House) StreamKey(roomName string, key intake.Key) (string, error) {
	policy, _, err := h.rooms.Find(roomName)
	if err != nil {
		return "", fmt.Errorf("reading the policy of room %q: %w", roomName, err)
	}
	return h.secretOf(roomName, key, policy), nil
}

func (h *House) secretOf(roomName string, key intake.Key, policy room.Policy) string {
	id := key.ID
	if id == intake.Main && key.Nonce == "" {
		id = "" // as the link is
	}
	return h.keys.StreamKey(roomName, id, key.Nonce, policy.Salt)
}

// streamKey finds the stream key that somebody shows. What has expired is not found.
func (h *House) streamKey(shown, roomName string, policy room.Policy) (intake.Key, bool) {
	var found intake.Key
	ok := false
	now := time.Now()
	for _, key := range h.Intake(roomName).All() {
		if subtle.ConstantTimeCompare([]byte(shown), []byte(h.secretOf(roomName, key, policy))) == 1 && !key.Expired(now) {
			found, ok = key, true
		}
	}
	return found, ok
}
