package roomservice

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	pb "github.com/livekit/protocol/livekit"
	"github.com/twitchtv/twirp"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/studio"
)

// errPermission is LiveKit's answer to everything that a token does not permit.
var errPermission error = twirp.Unauthenticated.Error("permissions denied")

// may is what a request may do.
type may struct {
	operator bool
	grant    auth.Grant
}

type mayKey struct{}

// authorized finds out what a request may do. Wrong credentials are refused and counted here; where none is shown, it matters
// what is called.
func (s *service) authorized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := may{operator: s.operator(r)}
		var err error
		token, shown := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if shown {
			var claims auth.Claims
			claims, err = s.house.Verify(token)
			m.grant = claims.Video
		}
		good := shown && err == nil
		if key, _, basic := r.BasicAuth(); !m.operator && (basic && key == s.house.Keys().Key || r.Header.Get("X-Tutti-Key") != "") {
			err = auth.ErrInvalid // both are good for operators alone, and may not be guessed at beside a token
		}
		if err != nil {
			err = s.house.Refused(limit.Network(r.RemoteAddr), err)
		}
		if err != nil && (!good || errors.Is(err, studio.ErrTooOften)) {
			_ = twirp.WriteError(w, s.refusal(err)) // the client is gone
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), mayKey{}, m)))
	})
}

func allowed(ctx context.Context, permits func(auth.Grant) bool) error {
	if m, _ := ctx.Value(mayKey{}).(may); m.operator || permits(m.grant) {
		return nil
	}
	return errPermission
}

func mayCreate(ctx context.Context) error {
	return allowed(ctx, func(g auth.Grant) bool { return g.RoomCreate })
}

func mayList(ctx context.Context) error {
	return allowed(ctx, func(g auth.Grant) bool { return g.RoomList })
}

func mayAdmin(ctx context.Context, roomName string) error {
	return allowed(ctx, func(g auth.Grant) bool { return g.RoomAdmin && g.Room == roomName })
}

// mayMove tells whether a token permits to take people from one room to another.
func mayMove(ctx context.Context, from, to string) error {
	return allowed(ctx, func(g auth.Grant) bool { return g.RoomAdmin && g.Room == from && g.DestinationRoom == to })
}

// errElsewhere: moving people between rooms is a service of LiveKit's cloud.
var errElsewhere error = twirp.Unimplemented.Error("participants cannot be moved or forwarded to another room")

// ForwardParticipant answers errElsewhere to whoever might ask for it.
func (s *service) ForwardParticipant(ctx context.Context, req *pb.ForwardParticipantRequest) (*pb.ForwardParticipantResponse, error) {
	return nil, cmp.Or(mayMove(ctx, req.Room, req.DestinationRoom), errElsewhere)
}

// MoveParticipant answers the same.
func (s *service) MoveParticipant(ctx context.Context, req *pb.MoveParticipantRequest) (*pb.MoveParticipantResponse, error) {
	return nil, cmp.Or(mayMove(ctx, req.Room, req.DestinationRoom), errElsewhere)
}
