package api

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"time"

	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/room/intake"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// streamKey is a key as hosts see it. Secret is there only when it was just made.
type streamKey struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Hint      string         `json:"hint"`
	Secret    string         `json:"secret,omitempty"`
	Backup    bool           `json:"backup"`
	Allow     []netip.Prefix `json:"allow"`
	CreatedAt time.Time      `json:"createdAt,omitzero"`
	ExpiresAt time.Time      `json:"expiresAt,omitzero"`
	Expired   bool           `json:"expired,omitempty"`
}

type encoderStatus struct {
	Identity string    `json:"identity"`
	Name     string    `json:"name"`
	Protocol string    `json:"protocol"`
	Key      string    `json:"key,omitempty"`
	Backup   bool      `json:"backup"`
	State    string    `json:"state"`
	Since    time.Time `json:"since"`
	Silent   float64   `json:"silent"`
}

// turnedAwayStatus is an encoder that was turned away.
type turnedAwayStatus struct {
	At       time.Time `json:"at"`
	Times    int       `json:"times"`
	Protocol string    `json:"protocol"`
	Code     string    `json:"code"`
	Reason   string    `json:"reason"`
}

// hintLength is how much of a secret is shown so that people can tell keys apart.
const hintLength = 4

func (a *API) streamKeyOf(roomName string, k intake.Key, reveal bool) (streamKey, error) {
	secret, err := a.house.StreamKey(roomName, k)
	if err != nil {
		return streamKey{}, err
	}
	out := streamKey{
		ID: k.ID, Name: k.Name, Hint: secret[len(secret)-hintLength:], Backup: k.Backup, Allow: listed(k.Allow),
		CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt, Expired: k.Expired(time.Now()),
	}
	if reveal {
		out.Secret = secret
	}
	return out, nil
}

// listed is a list that is not null in JSON.
func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (a *API) getIntake(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("room")
	settings := a.house.Intake(name)
	out := struct {
		Conflict intake.Conflict `json:"conflict"`
		Allow    []netip.Prefix  `json:"allow"`
		Keys     []streamKey     `json:"keys"`
		Encoders []encoderStatus `json:"encoders"`
		// Absence is what becomes of a show while nobody publishes, Wait for how many seconds it waits, 0 for as long as the server does.
		Absence intake.Absence `json:"absence"`
		Wait    float64        `json:"wait"`
		// Slate tells that the room has a slate of its own.
		Slate bool `json:"slate"`
		// TurnedAway are those that were turned away of late, the last one first.
		TurnedAway []turnedAwayStatus `json:"turnedAway"`
	}{settings.Conflict, listed(settings.Allow), []streamKey{}, []encoderStatus{}, settings.Absence, settings.Wait.Seconds(), len(settings.Slate) > 0, []turnedAwayStatus{}}
	if out.Absence == "" {
		out.Absence = intake.Hold
	}
	for _, t := range a.house.TurnedAway(name) {
		out.TurnedAway = append(out.TurnedAway, turnedAwayStatus(t))
	}
	if out.Conflict == "" {
		out.Conflict = intake.Together
	}
	for _, k := range settings.All() {
		key, err := a.streamKeyOf(name, k, false)
		if err != nil {
			refusal.Write(w, err)
			return
		}
		out.Keys = append(out.Keys, key)
	}
	if s, err := a.house.Studio(name); err == nil {
		for _, e := range s.Encoders() {
			state := "waits"
			if e.Shown {
				state = "shown"
			}
			out.Encoders = append(out.Encoders, encoderStatus{e.Identity, e.Name, e.Program.Door, e.KeyID, e.Backup, state, e.JoinedAt, e.Silent.Seconds()})
		}
	}
	answer(w, http.StatusOK, out)
}

func (a *API) changeIntake(w http.ResponseWriter, r *http.Request) {
	var c struct {
		Conflict *intake.Conflict `json:"conflict"`
		Allow    *[]string        `json:"allow"`
		Absence  *intake.Absence  `json:"absence"`
		Wait     *float64         `json:"wait"`
	}
	err := read(w, r, &c)
	if err == nil && c.Absence != nil && *c.Absence == intake.Slate && a.house.VideoConversion() != nil {
		err = errNoSlate
	}
	if err == nil {
		err = a.house.ChangeIntake(r.PathValue("room"), func(s *intake.Settings) error {
			if c.Conflict != nil {
				if !c.Conflict.Valid() {
					return intake.ErrConflict
				}
				s.Conflict = *c.Conflict
			}
			if c.Absence != nil {
				if !c.Absence.Valid() {
					return intake.ErrAbsence
				}
				s.Absence = *c.Absence
			}
			if c.Wait != nil {
				if !(*c.Wait >= 0 && *c.Wait <= intake.MaxWait.Seconds()) {
					return intake.ErrWait
				}
				s.Wait = time.Duration(*c.Wait * float64(time.Second))
			}
			if c.Allow == nil {
				return nil
			}
			list, err := intake.Networks(*c.Allow)
			s.Allow = list
			return err
		})
	}
	if err != nil {
		refusal.Write(w, err)
		return
	}
	a.getIntake(w, r)
}

var (
	errNoSlate  = &refusal.Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "a slate needs ffmpeg, which this server has not"}
	errHasNone  = &refusal.Error{Status: http.StatusNotFound, Code: "not_found", Message: "the room has no slate of its own"}
	errBadSlate = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: "a slate is a PNG or JPEG of at most 4 MB and 4096x2304 pixels"}
)

func (a *API) getSlate(w http.ResponseWriter, r *http.Request) {
	b := a.house.Intake(r.PathValue("room")).Slate
	if len(b) == 0 {
		refusal.Write(w, errHasNone)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(b)
}

// setSlate takes a room's slate; DELETE takes it away.
func (a *API) setSlate(w http.ResponseWriter, r *http.Request) {
	var body []byte
	if r.Method == http.MethodPut {
		var err error
		if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, compose.MaxImageBytes)); err != nil || len(body) == 0 {
			refusal.Write(w, errBadSlate)
			return
		}
	}
	if err := a.house.SetSlate(r.Context(), r.PathValue("room"), body); err != nil {
		if errors.Is(err, studio.ErrBadComposition) {
			err = errBadSlate
		}
		refusal.Write(w, err)
		return
	}
	a.getIntake(w, r)
}

// changeKeys changes a room's stream keys and answers with the one that it is about.
func (a *API) changeKeys(w http.ResponseWriter, r *http.Request, status int, reveal bool, change func(*intake.Settings) (intake.Key, error)) {
	name := r.PathValue("room")
	var k intake.Key
	err := a.house.ChangeIntake(name, func(s *intake.Settings) (err error) {
		k, err = change(s)
		return err
	})
	var out streamKey
	if err == nil {
		out, err = a.streamKeyOf(name, k, reveal)
	}
	if err != nil {
		refusal.Write(w, err)
		return
	}
	answer(w, status, out)
}

func (a *API) addStreamKey(w http.ResponseWriter, r *http.Request) {
	var c intake.KeyChange
	if err := read(w, r, &c); err != nil {
		refusal.Write(w, err)
		return
	}
	a.changeKeys(w, r, http.StatusCreated, true, func(s *intake.Settings) (intake.Key, error) { return s.Add(c, time.Now()) })
}

func (a *API) changeStreamKey(w http.ResponseWriter, r *http.Request) {
	var c intake.KeyChange
	if err := read(w, r, &c); err != nil {
		refusal.Write(w, err)
		return
	}
	a.changeKeys(w, r, http.StatusOK, false, func(s *intake.Settings) (intake.Key, error) {
		return s.Change(r.PathValue("id"), c, time.Now())
	})
}

func (a *API) rotateStreamKey(w http.ResponseWriter, r *http.Request) {
	a.changeKeys(w, r, http.StatusOK, true, func(s *intake.Settings) (intake.Key, error) { return s.Rotate(r.PathValue("id")) })
}

func (a *API) revokeStreamKey(w http.ResponseWriter, r *http.Request) {
	err := a.house.ChangeIntake(r.PathValue("room"), func(s *intake.Settings) error { return s.Revoke(r.PathValue("id")) })
	if err != nil {
		refusal.Write(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
