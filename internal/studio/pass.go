package studio

import (
	"strings"
	"time"
)

// passMark begins the part of a path that holds a pass: /live/~PASS/ROOM.flv. No room's name begins with it.
const passMark = "~"

// PlayFolder is the folder below which a room is played, for those who were let in to watch: /live/, and with a pass in it where
// the room is not open to everybody. The same pass is given to all until it changes, so that caches in front see one address.
func (h *House) PlayFolder(roomName string, until time.Time) string {
	policy, _, err := h.rooms.Find(roomName)
	if err != nil {
		return "/live/"
	}
	if _, err := h.admitAnyone(roomName, policy, ToWatch); err == nil {
		return "/live/"
	}
	return "/live/" + passMark + h.keys.Pass(roomName, policy.Salt, until) + "/"
}

// CutPass takes the pass out of what follows /live/ in a path.
func CutPass(rest string) (pass, name string) {
	marked, ok := strings.CutPrefix(rest, passMark)
	if !ok {
		return "", rest
	}
	pass, name, _ = strings.Cut(marked, "/")
	return pass, name
}
