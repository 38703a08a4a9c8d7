package studio

import (
	"maps"
	"strings"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
)

// Introduce completes the claims of somebody who was admitted and gives their name: it is who they are for the others, in
// the room as in the call of the same name. own is a secret of the client's making, "" for none: whoever shows the same one
// again comes back as the same participant, and who only sees the identity cannot take it. An identity that an application
// put into a token stays, and so does a name, also one that the list of words would refuse, unless the token permits to change it.
func (h *House) Introduce(roomName string, c Credential, claims auth.Claims, name, own string) (auth.Claims, error) {
	if len(name) > room.MaxIdentityBytes || len(own) > room.MaxIdentityBytes/2 {
		return auth.Claims{}, room.ErrBadIdentity
	}
	if err := h.words.Takes(name); err != nil {
		return auth.Claims{}, err
	}
	if name != "" && MayRename(claims) {
		claims.Name = name
	}
	claims = withRole(claims)
	if own != "" && c.Token == "" {
		prefix, _, _ := strings.Cut(claims.Identity, "-")
		claims.Identity = prefix + "-" + h.keys.Alias(roomName, own)
	}
	return claims, room.CheckIdentity(claims.Identity)
}

// withRole has claims say, in an attribute, what they make of somebody.
func withRole(claims auth.Claims) auth.Claims {
	attributes := maps.Clone(claims.Attributes)
	if attributes == nil {
		attributes = map[string]string{}
	}
	attributes["role"] = RoleName(claims.Video)
	claims.Attributes = attributes
	return claims
}

// MayRename tells whether somebody may say what they are called: not who shows a token that says it, unless that permits to change one's own
// metadata.
func MayRename(claims auth.Claims) bool {
	return claims.Expires.IsZero() || !claims.Named || Permission(claims.Video).UpdateMetadata
}

// RoleName is what a grant makes of somebody in the eyes of the others: host, guest, or viewer, who only watches.
func RoleName(g auth.Grant) string {
	switch {
	case g.RoomAdmin:
		return "host"
	case g.CanPublish != nil && !*g.CanPublish:
		return "viewer"
	}
	return "guest"
}
