package api

import (
	"cmp"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/scenes"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// maxTitle is in bytes.
const maxTitle = 200

type newRoom struct {
	Name        string      `json:"name"`
	Title       string      `json:"title"`
	Access      room.Access `json:"access"`
	PublicWatch *bool       `json:"publicWatch"`
	Scene       string      `json:"scene"`
}

func (a *API) createRoom(w http.ResponseWriter, r *http.Request) {
	create := a.house.Policies().Create
	if !a.isOperator(r) && !a.grant(r).RoomCreate {
		if !a.anyoneCreates {
			a.refuseStranger(w, r)
			return
		}
		if a.guard.foreign(r) { // whatever it shows
			refusal.Write(w, errOrigin)
			return
		}
		if a.guesses(r) { // for an operator's the name would be free that is in use
			if err := a.stranger(r); errors.Is(err, studio.ErrTooOften) {
				refusal.Write(w, err)
				return
			}
		}
		create = a.house.CreateUnclaimed
	}
	var req newRoom
	if err := read(w, r, &req); err != nil {
		refusal.Write(w, err)
		return
	}
	if req.Name == "" {
		req.Name = madeUpName()
	}
	if req.Access == "" {
		req.Access = room.AccessLink
	}
	if err := room.CheckName(req.Name); err != nil {
		refusal.Write(w, err)
		return
	}
	if !req.Access.Valid() || len(req.Title) > maxTitle {
		refusal.Write(w, &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: "access is open, link or token; a title has at most 200 bytes"})
		return
	}
	if err := a.house.Words().Fit(&req.Title); err != nil {
		refusal.Write(w, err)
		return
	}
	if _, ok := a.house.Scenes().Find(req.Scene); !ok {
		refusal.Write(w, &refusal.Error{Status: http.StatusBadRequest, Code: "no_scene", Message: "there is no scene of this name"})
		return
	}
	policy := room.Policy{
		Title: req.Title, Scene: req.Scene, Access: req.Access, PublicWatch: req.PublicWatch == nil || *req.PublicWatch,
		Salt: rand.Text(), CreatedAt: time.Now().UTC(),
	}
	policy.UsedAt = policy.CreatedAt
	if err := create(req.Name, policy); err != nil {
		if errors.Is(err, store.ErrExists) {
			err = errRoomExists
		}
		refusal.Write(w, err)
		return
	}
	keys, err := a.keysOf(req.Name, policy)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	answer(w, http.StatusCreated, struct {
		roomPolicy
		Keys linkKeys `json:"keys"`
	}{policyOf(req.Name, policy), keys})
}

// deleteRoom ends a room and forgets it: for its hosts, operators, and tokens that may create rooms.
func (a *API) deleteRoom(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("room")
	if !a.grant(r).RoomCreate {
		if _, err := a.admit(r, studio.ToDirect); err != nil {
			refusal.Write(w, err)
			return
		}
	}
	err := room.CheckName(name)
	if err == nil {
		err = a.house.Delete(name)
	}
	if err != nil {
		refusal.Write(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// madeUpName is easy to read out and hard to guess: three groups of lower-case letters and digits.
func madeUpName() string {
	t := strings.ToLower(rand.Text())
	return t[:3] + "-" + t[3:7] + "-" + t[7:10]
}

type roomPolicy struct {
	Room        string      `json:"room"`
	Title       string      `json:"title"`
	Access      room.Access `json:"access"`
	PublicWatch bool        `json:"publicWatch"`
	Scene       string      `json:"scene"`
}

func policyOf(name string, p room.Policy) roomPolicy {
	return roomPolicy{Room: name, Title: p.Title, Access: p.Access, PublicWatch: p.PublicWatch, Scene: cmp.Or(p.Scene, scenes.Default)}
}

func (a *API) getRoom(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("room")
	if err := room.CheckName(name); err != nil {
		refusal.Write(w, err)
		return
	}
	policy, exists, err := a.house.Policies().Find(name)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	type live struct {
		On        bool       `json:"on"`
		Returning bool       `json:"returning,omitempty"`
		Since     *time.Time `json:"since,omitempty"`
		Title     string     `json:"title,omitempty"`
	}
	out := struct {
		roomPolicy
		Exists       bool `json:"exists"`
		Live         live `json:"live"`
		Participants int  `json:"participants"`
		// People are the participants but encoders.
		People  int `json:"people"`
		Viewers int `json:"viewers"`
	}{roomPolicy: policyOf(name, policy), Exists: exists}
	if s, err := a.house.Studio(name); err == nil {
		out.Exists = true
		info := s.Info()
		out.Participants, out.People = info.Participants, info.People
		if st, err := s.LiveStatus(); err == nil {
			out.Live, out.Viewers = live{On: true, Since: &st.Since, Title: st.Title}, st.Total
		}
	}
	if l := a.house.Live(name); l.Returning {
		out.Exists, out.Live = true, live{Returning: true, Since: &l.Since, Title: l.Title}
	}
	answer(w, http.StatusOK, out)
}

type joinRequest struct {
	Name string `json:"name"`
	// Identity is a secret that the client made up and keeps, to come back as the same participant.
	Identity string `json:"identity"`
}

// joinRoom makes the token with which a person from a link, or into an open room, joins.
func (a *API) joinRoom(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("room")
	var req joinRequest
	if err := read(w, r, &req); err != nil {
		refusal.Write(w, err)
		return
	}
	claims, err := a.admit(r, studio.ToJoin)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	shown := credential(r)
	if a.isOperator(r) {
		shown = studio.Credential{} // not a token of the room
	}
	if claims, err = a.house.Introduce(name, shown, claims, req.Name, req.Identity); err != nil {
		refusal.Write(w, err)
		return
	}
	token, err := a.house.Ticket(claims)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	answer(w, http.StatusOK, map[string]string{
		"token": token, "url": socketURL(r), "identity": claims.Identity, "role": studio.RoleName(claims.Video), "room": name,
	})
}

// socketURL is where the client that asks reaches signalling: the same host and scheme as this request.
func socketURL(r *http.Request) string {
	if r.TLS != nil || r.Header.Get(protoHeader) == "https" {
		return "wss://" + r.Host
	}
	return "ws://" + r.Host
}

// getKeys gives the keys to those who have one that lasts as long. A token ends, and whoever learned the host's key by it would stay host for ever.
func (a *API) getKeys(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("room")
	shown := credential(r)
	token := shown.Token
	if shown.Key != "" {
		shown.Token, token = "", "" // it says nothing of keys
	}
	_, err := a.admitWith(r, shown, studio.ToDirect)
	if err == nil && token != "" && !a.isOperator(r) {
		err = auth.ErrDenied
	}
	var policy room.Policy
	if err == nil {
		policy, _, err = a.house.Policies().Find(name)
	}
	var keys linkKeys
	if err == nil {
		keys, err = a.keysOf(name, policy)
	}
	if err != nil {
		refusal.Write(w, err)
		return
	}
	answer(w, http.StatusOK, keys)
}

func (a *API) muteTrack(w http.ResponseWriter, r *http.Request) {
	var req struct {
		SID   string `json:"sid"`
		Muted bool   `json:"muted"`
	}
	if err := read(w, r, &req); err != nil {
		refusal.Write(w, err)
		return
	}
	a.inStudio(w, r, func(s *studio.Studio) error { return s.Mute(r.PathValue("identity"), req.SID, req.Muted) })
}

func (a *API) removeParticipant(w http.ResponseWriter, r *http.Request) {
	if err := a.house.Remove(r.PathValue("room"), r.PathValue("identity")); err != nil {
		refusal.Write(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// inStudio does something in a running room and answers 204.
func (a *API) inStudio(w http.ResponseWriter, r *http.Request, do func(*studio.Studio) error) {
	s, err := a.house.Studio(r.PathValue("room"))
	if err == nil {
		err = do(s)
	}
	if err != nil {
		refusal.Write(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
