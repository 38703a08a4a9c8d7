package livekit

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/coder/websocket"
	pb "github.com/livekit/protocol/livekit"
	"golang.org/x/time/rate"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

// defaultJoins is how many may join from one address at once.
const defaultJoins = 300

// joinRates are how often one address may join, and come back to sessions that are still there: an office whose network was
// gone comes back as a whole.
func joinRates(atOnce int) (join, resume limit.Rate) {
	rated := func(name string, burst int) limit.Rate {
		return limit.Rate{Name: name, PerSecond: rate.Limit(burst) / 30, Burst: burst}
	}
	return rated("join", atOnce), rated("resume", 2*atOnce)
}

var errJoins = errors.New("too many joins from this address: wait a moment")

// admission is a request that may come in.
type admission struct {
	joinRequest
	room   string
	host   string // what the client called us by
	token  string
	claims auth.Claims
	from   netip.Prefix
	// asked is when the request came.
	asked time.Time
	// expires is when the token that the client holds does, zero when it holds none.
	expires time.Time
}

// validate answers whether connect would let a client in, for clients whose WebSocket was refused: a browser does not
// tell a page why.
func (s *Server) validate(w http.ResponseWriter, r *http.Request, onePeer bool) {
	a, err := s.admit(r, onePeer)
	if err == nil {
		err = s.mayEnter(a)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	fmt.Fprint(w, "success")
}

// connect lets a client in, or lets it resume, and serves its WebSocket until that ends.
func (s *Server) connect(w http.ResponseWriter, r *http.Request, onePeer bool) {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		http.NotFound(w, r)
		return
	}
	asked := time.Now()
	a, err := s.admit(r, onePeer)
	if err != nil {
		s.turnAway(w, err)
		return
	}
	a.asked = asked
	often := s.join
	if a.resume {
		often = s.comeBack
	}
	if !s.rates.Allow(often, limit.Network(r.RemoteAddr)) {
		s.turnAway(w, errJoins)
		return
	}
	if a.resume {
		s.resume(w, r, a)
		return
	}
	sess, err := s.enter(a)
	if err != nil {
		s.turnAway(w, err)
		return
	}
	socket, err := accept(w, r)
	if err != nil {
		s.counts.joins.Count("unconnected")
		sess.abandon(room.LeftByItself)
		return
	}
	c := newConn(socket, sess.log)
	if !s.start(sess, c) {
		s.counts.joins.Count("unavailable")
		sess.abandon(room.LeftServerShutdown)
		c.send(leave(pb.DisconnectReason_SERVER_SHUTDOWN, pb.LeaveRequest_RECONNECT))
		c.close(websocket.StatusGoingAway, "server is shutting down")
		return
	}
	sess.serve(c)
}

// resume hands a new WebSocket to a session that is still there; a client whose session is gone is told to join anew.
func (s *Server) resume(w http.ResponseWriter, r *http.Request, a admission) {
	socket, err := accept(w, r)
	if err != nil {
		return
	}
	c := newConn(socket, s.log.With("room", a.room, "participant", a.claims.Identity))
	sess := s.find(place{a.room, a.claims.Identity})
	if sess == nil || a.sid != "" && sess.sid != a.sid || !sess.inbox.put(resumed{c, a.host, a.token, a.reason}, 0) {
		s.counts.unresumable.Add(1)
		c.log.Info("session to resume is gone")
		refuseResume(c)
		return
	}
	sess.serve(c)
}

// refuseResume sends the client away to join anew.
func refuseResume(c *conn) {
	c.send(leave(pb.DisconnectReason_STATE_MISMATCH, pb.LeaveRequest_RECONNECT))
	c.close(websocket.StatusNormalClosure, "session is gone")
}

// serve has the session answer what the client sends, at its own pace, one request after the other.
func (s *session) serve(c *conn) {
	c.listen(s.server.poller, s.pace, func(req *pb.SignalRequest) bool {
		select {
		case <-s.turn:
			return s.inbox.put(request{req}, 0)
		case <-s.done:
			return false
		}
	}, func(why error) {
		if !s.inbox.put(connLost{c, why}, 0) {
			c.close(websocket.StatusNormalClosure, "")
		}
	})
}

// admit checks a request and its credential.
func (s *Server) admit(r *http.Request, onePeer bool) (admission, error) {
	query := r.URL.Query()
	token := query.Get("access_token")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		token = bearer
	}
	hint, readable := readToken(token)
	roomName := hint.Video.Room
	if roomName == "" {
		roomName = query.Get("room")
	}
	switch {
	case token != "" && !readable:
		return admission{}, s.house.Refused(limit.Network(r.RemoteAddr), auth.ErrInvalid)
	case token == "" && roomName == "":
		return admission{}, auth.ErrMissing
	}
	claims, err := s.house.Admit(roomName, studio.Credential{Token: token}.From(r.RemoteAddr), studio.ToJoin)
	if err != nil {
		return admission{}, err
	}
	join, err := parseJoin(query, onePeer)
	if err != nil {
		return admission{}, err
	}
	join.client.agent = r.UserAgent()
	a := admission{joinRequest: join, room: roomName, host: r.Host, token: token, claims: claims, from: limit.Network(r.RemoteAddr)}
	if hint.Expires > 0 {
		a.expires = time.Unix(hint.Expires, 0)
	}
	return a, a.personalize()
}

// personalize puts what the client brings along over what its token says of it.
func (a *admission) personalize() error {
	if a.metadata == "" && len(a.attributes) == 0 {
		return nil
	}
	if !studio.Permission(a.claims.Video).UpdateMetadata {
		return auth.ErrDenied
	}
	if a.metadata != "" {
		a.claims.Metadata = a.metadata
	}
	merged := map[string]string{}
	for k, v := range a.claims.Attributes {
		merged[k] = v
	}
	for k, v := range a.attributes {
		merged[k] = v
	}
	a.claims.Attributes = merged
	return nil
}

// join is what the client brings into the room.
func (a *admission) join() room.Join {
	return room.Join{
		Identity: a.claims.Identity, Name: a.claims.Name, Metadata: a.claims.Metadata, Attributes: a.claims.Attributes,
		Permission: studio.Permission(a.claims.Video), Kind: kindOf(a.claims.Kind), Program: a.client.program(),
		Settings: studio.Settings(a.claims.RoomConfig), Network: a.from,
	}
}

// mayEnter tells whether a room would take one more participant now.
func (s *Server) mayEnter(a admission) error {
	st, err := s.house.Studio(a.room)
	if err != nil {
		return nil // it opens with the first
	}
	return st.MayEnter(a.join())
}

// tokenHint is what a token says before anybody has checked it: which policy it must be checked against, and how long a
// good one would be good for.
type tokenHint struct {
	Expires int64      `json:"exp"`
	Video   auth.Grant `json:"video"`
}

func readToken(token string) (hint tokenHint, readable bool) {
	_, rest, ok := strings.Cut(token, ".")
	payload, _, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || len(payload) > 64<<10 {
		return tokenHint{}, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(raw, &hint) != nil {
		return tokenHint{}, false
	}
	return hint, true
}

// turnAway refuses somebody who wants to join.
func (s *Server) turnAway(w http.ResponseWriter, err error) {
	why := refusalName(err)
	s.counts.joins.Count(why)
	if why == "internal" {
		s.log.Error("a join failed", "error", err)
	}
	refuse(w, err)
}

// refuse answers with an error in LiveKit's manner: a status and a plain sentence.
func refuse(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var no *room.Refusal
	switch {
	case errors.As(err, &no):
		status = http.StatusForbidden
	case errors.Is(err, auth.ErrMissing), errors.Is(err, auth.ErrInvalid), errors.Is(err, auth.ErrDenied):
		status = http.StatusUnauthorized
	case errors.Is(err, room.ErrBadName), errors.Is(err, room.ErrBadIdentity), errors.Is(err, room.ErrTooLarge),
		errors.Is(err, errJoinRequest):
		status = http.StatusBadRequest
	case errors.Is(err, room.ErrFull):
		status = http.StatusForbidden // clients show the text of a 403, and do not try again
	case errors.Is(err, studio.ErrTooOften), errors.Is(err, errJoins):
		status = http.StatusTooManyRequests
	case errors.Is(err, studio.ErrShutdown):
		status = http.StatusServiceUnavailable
	}
	message := err.Error()
	if status == http.StatusInternalServerError {
		message = "internal error"
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	fmt.Fprint(w, message)
}
