package studio

import (
	"context"

	"github.com/tuttilive/tutti/internal/auth"
)

// Doing is what somebody does whom a gate is asked about.
type Doing string

const (
	Publishing Doing = "publish"
	Playing    Doing = "play"
)

// Visit is somebody who may publish or play by the room's policy.
type Visit struct {
	Action   Doing  `json:"action"`
	Room     string `json:"room"`
	Protocol string `json:"protocol"`
	// Address is the client's, or that of what is in front of it.
	Address string `json:"address,omitempty"`
	// Identity and Name are those of a token, Key the ID of a stream key.
	Identity string `json:"identity,omitempty"`
	Name     string `json:"name,omitempty"`
	Key      string `json:"key,omitempty"`
	// Shown is what let the visitor in, to tell visitors apart. It is secret.
	Shown string `json:"-"`
}

// Gate has the last word on who publishes and plays.
type Gate interface {
	// Pass gives nil, or why not: a *room.Refusal. It decides by itself when that takes too long.
	Pass(ctx context.Context, v Visit) error
}

// visit describes who shows a credential.
func visit(what Doing, roomName, protocol string, c Credential) Visit {
	v := Visit{Action: what, Room: roomName, Protocol: protocol, Shown: c.decisive(what)}
	if c.host.IsValid() {
		v.Address = c.host.String()
	}
	return v
}

// decisive is the part of a credential by which admit decides, and its kind. What else is shown makes nobody another visitor: else one could be as
// many as one likes.
func (c Credential) decisive(what Doing) string {
	switch {
	case c.Pass != "" && what == Playing:
		return "pass " + c.Pass
	case c.Token != "":
		return "token " + c.Token
	case c.Key != "":
		return "key " + c.Key
	}
	return ""
}

// AdmitPlayer lets somebody in who wants to play a room's program. Hosts may look at what others see without anybody being asked. Nobody is asked
// about a room that has nothing to play, of which anybody may name any number: it fails as Watch does.
func (h *House) AdmitPlayer(ctx context.Context, roomName, protocol string, c Credential) (auth.Claims, error) {
	claims, err := h.Admit(roomName, c, ToWatch)
	if err != nil || h.gate == nil || claims.Video.RoomAdmin {
		return claims, err
	}
	if !h.Live(roomName).On && !h.fetches(roomName) {
		return auth.Claims{}, h.NotLive(roomName)
	}
	return h.pass(ctx, roomName, protocol, c, claims)
}

// AdmitReplay lets somebody in who wants to play a recording of a room, as AdmitPlayer does for its program.
func (h *House) AdmitReplay(ctx context.Context, roomName string, c Credential) (auth.Claims, error) {
	claims, err := h.Admit(roomName, c, ToWatch)
	if err != nil || h.gate == nil || claims.Video.RoomAdmin {
		return claims, err
	}
	return h.pass(ctx, roomName, "recording", c, claims)
}

// pass asks the gate about a player.
func (h *House) pass(ctx context.Context, roomName, protocol string, c Credential, claims auth.Claims) (auth.Claims, error) {
	v := visit(Playing, roomName, protocol, c)
	if c.Token != "" && c.Pass == "" {
		v.Identity, v.Name = claims.Identity, claims.Name
	}
	if err := h.gate.Pass(ctx, v); err != nil {
		return auth.Claims{}, err
	}
	return h.Admit(roomName, c, ToWatch) // what was shown may have been revoked while the application thought
}
