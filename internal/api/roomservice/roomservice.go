// Package roomservice is LiveKit's RoomService for applications: rooms and the people in them, over Twirp, as LiveKit's server
// SDKs and its command line call it. It translates between that protocol and the house, and knows no room logic of its own.
package roomservice

import (
	"log/slog"
	"net/http"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/server/livekit"
	"github.com/tuttilive/tutti/internal/studio"
)

// maxBody bounds a request: a message of the largest size in JSON is a third larger.
const maxBody = 2 * livekit.MaxDataBytes

// Options are what the service needs.
type Options struct {
	House *studio.House
	// Operator tells whether a request shows that it comes from the server's operator, who may do everything.
	Operator func(*http.Request) bool
	Log      *slog.Logger
}

// service implements LiveKit's RoomService. What a request may do is in its context.
type service struct {
	house    *studio.House
	operator func(*http.Request) bool
	log      *slog.Logger
}

// New makes the handler of /twirp/livekit.RoomService/. It takes protobuf and JSON.
func New(o Options) http.Handler {
	s := &service{house: o.House, operator: o.Operator, log: o.Log}
	return s.bounded(s.authorized(pb.NewRoomServiceServer(s)))
}

// bounded limits what a client may send.
func (s *service) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}
