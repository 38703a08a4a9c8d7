package rtmp

import (
	"errors"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/intake"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// Codes of onStatus and of the answer to connect, as encoders know them.
const (
	connectSuccess  = "NetConnection.Connect.Success"
	connectRejected = "NetConnection.Connect.Rejected"
	connectClosed   = "NetConnection.Connect.Closed"

	publishStart        = "NetStream.Publish.Start"
	publishBadName      = "NetStream.Publish.BadName"
	publishUnauthorized = "NetStream.Publish.Unauthorized"
	publishRejected     = "NetStream.Publish.Rejected"
	publishFailed       = "NetStream.Publish.Failed"
	unpublishSuccess    = "NetStream.Unpublish.Success"

	playReset    = "NetStream.Play.Reset"
	playStart    = "NetStream.Play.Start"
	playFailed   = "NetStream.Play.Failed"
	playNotFound = "NetStream.Play.StreamNotFound"
)

var (
	errStream      = errors.New("a connection plays one stream")
	errManyPlayers = errors.New("too many play from this address")
)

// statusOf says why publishing ended, in RTMP's terms.
func statusOf(err error) (code, description string) {
	var no *room.Refusal
	switch {
	case errors.As(err, &no): // the application's word
		return publishUnauthorized, "Not permitted: " + no.Message + "."
	case errors.Is(err, auth.ErrMissing), errors.Is(err, auth.ErrInvalid), errors.Is(err, auth.ErrDenied), errors.Is(err, room.ErrNotAllowed),
		errors.Is(err, studio.ErrTooOften), errors.Is(err, studio.ErrKeyOver), errors.Is(err, studio.ErrFrom):
		return publishUnauthorized, "Not permitted: " + err.Error() + "."
	case errors.Is(err, room.ErrBadName), errors.Is(err, errNoRoom), errors.Is(err, errApplication),
		errors.Is(err, intake.ErrPublished), errors.Is(err, room.ErrBadIdentity):
		return publishBadName, "Cannot publish: " + err.Error() + "."
	case errors.Is(err, flv.ErrUnsupported), errors.Is(err, ingest.ErrBroken), errors.Is(err, room.ErrFull), errors.Is(err, ingest.ErrReplaced), errors.Is(err, ingest.ErrRemoved):
		return publishRejected, "Refused: " + err.Error() + "."
	case errors.Is(err, ingest.ErrShutdown), errors.Is(err, studio.ErrShutdown), errors.Is(err, ingest.ErrRoomEnded):
		return connectClosed, "Closed: " + err.Error() + "."
	}
	return publishFailed, "Failed: internal error."
}

// playStatusOf says why nothing is played, in RTMP's terms.
func playStatusOf(err error) (code, description string) {
	switch {
	case errors.Is(err, studio.ErrNotLive):
		return playNotFound, "Cannot play: " + err.Error() + "."
	case errors.Is(err, errStream), errors.Is(err, errManyPlayers):
		return playFailed, "Cannot play: " + err.Error() + "."
	}
	code, description = statusOf(err)
	switch code {
	case publishFailed, publishUnauthorized, publishRejected, publishBadName:
		code = playFailed
	}
	return code, description
}

func status(level, code, description string) amf0.Object {
	return amf0.Object{{Key: "level", Value: level}, {Key: "code", Value: code}, {Key: "description", Value: description}}
}
