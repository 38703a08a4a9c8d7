package api

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/intake"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// keyHeader carries a link key.
const keyHeader = "X-Tutti-Key"

// credential is what a request shows: a bearer token, and a link key in a header or, for players, the query.
func credential(r *http.Request) studio.Credential {
	c := studio.Credential{Key: r.Header.Get(keyHeader)}
	if t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		c.Token = t
	}
	if c.Key == "" {
		c.Key = r.URL.Query().Get("key")
	}
	return c
}

// playerCredential is what a request of a player shows, which may have a token too in the query.
func playerCredential(r *http.Request) studio.Credential {
	c := credential(r)
	if c.Token == "" {
		c.Token = r.URL.Query().Get("token")
	}
	return c
}

// admit is the house's decision, but for operators, who may do everything.
func (a *API) admit(r *http.Request, action studio.Action) (auth.Claims, error) {
	return a.admitWith(r, credential(r), action)
}

// admitWith is admit for what a request shows.
func (a *API) admitWith(r *http.Request, c studio.Credential, action studio.Action) (auth.Claims, error) {
	name := r.PathValue("room")
	if a.isOperator(r) {
		return studio.ClaimsOf(auth.Host, name), room.CheckName(name)
	}
	// What is good for operators may not be guessed at beside something that is right.
	if key, _, tried := r.BasicAuth(); tried && key == a.house.Keys().Key {
		return auth.Claims{}, a.stranger(r)
	}
	if key := r.Header.Get(keyHeader); key != "" && c.Token != "" && !a.isKey(key, name) { // the token decides, as long as that does not go on
		if err := a.house.Refused(limit.Network(r.RemoteAddr), auth.ErrInvalid); errors.Is(err, studio.ErrTooOften) {
			return auth.Claims{}, err
		}
	}
	return a.house.Admit(name, c.From(r.RemoteAddr), action)
}

// isKey tells whether something is a key of a room, whatever for.
func (a *API) isKey(key, roomName string) bool {
	policy, _, err := a.house.Policies().Find(roomName)
	if err != nil || room.CheckName(roomName) != nil {
		return false
	}
	for _, k := range a.house.Intake(roomName).All() {
		if secret, err := a.house.StreamKey(roomName, k); err == nil && subtle.ConstantTimeCompare([]byte(key), []byte(secret)) == 1 {
			return true
		}
	}
	return slices.ContainsFunc([]auth.Role{auth.Host, auth.Guest, auth.Watcher}, func(role auth.Role) bool {
		return a.house.Keys().IsLinkKey(key, roomName, role, policy.Salt)
	})
}

// directed lets a handler through for those who may direct the room.
func (a *API) directed(next http.HandlerFunc) http.HandlerFunc {
	return a.allowed(studio.ToDirect, next)
}

// run lets a handler through for those who may run the room's show.
func (a *API) run(next http.HandlerFunc) http.HandlerFunc { return a.allowed(studio.ToRun, next) }

func (a *API) allowed(action studio.Action, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := a.admit(r, action); err != nil {
			refusal.Write(w, err)
			return
		}
		next(w, r)
	}
}

// refuseStranger answers somebody who is no operator; who tries too often is told to wait.
func (a *API) refuseStranger(w http.ResponseWriter, r *http.Request) {
	refusal.Write(w, a.stranger(r))
}

func (a *API) stranger(r *http.Request) error {
	return a.house.Refused(limit.Network(r.RemoteAddr), errOperator)
}

// listing lets a handler that only tells what there is through for operators and for tokens with roomList.
func (a *API) listing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.isOperator(r) || a.grant(r).RoomList {
			next.ServeHTTP(w, r)
			return
		}
		a.refuseStranger(w, r)
	})
}

// guesses tells whether a request that is no operator's shows something that is good for nobody.
func (a *API) guesses(r *http.Request) bool {
	if key, _, tried := r.BasicAuth(); tried && key == a.house.Keys().Key || r.Header.Get(keyHeader) != "" {
		return true
	}
	token, shown := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !shown {
		return false
	}
	_, err := a.house.Verify(token)
	return err != nil
}

// isOperator tells whether a request shows the API key and secret, or the secret alone as a key.
func (a *API) isOperator(r *http.Request) bool {
	if key, secret, ok := r.BasicAuth(); ok && key == a.house.Keys().Key { // else it is for a proxy in front
		return a.house.Keys().IsSecret(key, secret)
	}
	k := r.Header.Get(keyHeader)
	return k != "" && a.house.Keys().IsSecret(a.house.Keys().Key, k)
}

// grant is what the bearer token of a request permits, nothing where there is no valid one.
func (a *API) grant(r *http.Request) auth.Grant {
	if t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		if claims, err := a.house.Verify(t); err == nil {
			return claims.Video
		}
	}
	return auth.Grant{}
}

// linkKeys are the keys of a room's links.
type linkKeys struct {
	Host    string `json:"host,omitempty"`
	Guest   string `json:"guest,omitempty"`
	Watch   string `json:"watch,omitempty"`
	Publish string `json:"publish,omitempty"`
}

// keysOf gives the keys that are good for something: there are no links into a room for tokens, but encoders cannot make
// tokens. The publish key is the main one of the room's stream keys, absent where that was revoked.
func (a *API) keysOf(roomName string, p room.Policy) (linkKeys, error) {
	var all linkKeys
	if main, ok := a.house.Intake(roomName).Key(intake.Main); ok {
		secret, err := a.house.StreamKey(roomName, main)
		if err != nil {
			return linkKeys{}, err
		}
		all.Publish = secret
	}
	if p.Access == room.AccessToken {
		return all, nil
	}
	k := a.house.Keys()
	all.Host, all.Guest = k.LinkKey(roomName, auth.Host, p.Salt), k.LinkKey(roomName, auth.Guest, p.Salt)
	all.Watch = k.LinkKey(roomName, auth.Watcher, p.Salt)
	return all, nil
}
