package studio

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
)

// Action is what somebody wants to do in a room.
type Action uint8

const (
	// ToJoin a room as a participant, ToPublish a live stream into it (RTMP, WHIP), ToWatch its program, ToDirect it:
	// go live, mute and remove others.
	ToJoin Action = iota
	ToPublish
	ToWatch
	ToDirect
	// ToRun a show: go live and arrange its pictures. Who is host or cohost on the stage may, too, whatever their token says.
	ToRun
)

// Credential is what somebody shows at a door; each may be empty.
type Credential struct {
	// Token is a LiveKit access token, Key the key from a link or an encoder's settings.
	Token, Key string
	// Pass is what the path of an address to play at carries; see PlayFolder.
	Pass string

	address netip.Prefix // who shows it; see From
	host    netip.Addr   // the same exactly, invalid where that is not known
}

// Admit checks a credential against a room's policy; it is the one place that decides. The claims carry the identity
// (made up when the credential has none) and permissions.
func (h *House) Admit(roomName string, c Credential, a Action) (auth.Claims, error) {
	if err := room.CheckName(roomName); err != nil {
		return auth.Claims{}, h.refusedCredential(c, err)
	}
	policy, _, err := h.rooms.Find(roomName)
	if err != nil {
		return auth.Claims{}, h.refusedCredential(c, fmt.Errorf("reading the policy of room %q: %w", roomName, err))
	}
	claims, err := h.admit(roomName, policy, c, a)
	if err != nil {
		return auth.Claims{}, h.refusedCredential(c, err)
	}
	if claims.Tenure == "" { // that of the room which admits, whichever has the name when a token is made; of the one before, what it was
		claims.Tenure = h.tenure(roomName, policy)
	}
	return claims, nil
}

func (h *House) admit(roomName string, policy room.Policy, c Credential, a Action) (auth.Claims, error) {
	switch {
	case c.Pass != "" && a == ToWatch:
		if err := h.keys.CheckPass(c.Pass, roomName, policy.Salt, time.Now()); err != nil {
			return auth.Claims{}, err
		}
		return ClaimsOf(auth.Watcher, roomName), nil
	case c.Token != "":
		claims, err := h.admitToken(roomName, c.Token, a)
		if err == nil && a == ToPublish {
			err = h.mayIngest(roomName, policy, claims)
		}
		return claims, err
	case h.isAnnex(roomName): // links lead to the main room
		return auth.Claims{}, auth.ErrMissing
	case c.Key != "":
		return h.admitKey(roomName, c.Key, policy, a)
	}
	return h.admitAnyone(roomName, policy, a)
}

// Verify gives the claims of a token that is good for something at the moment: it was not revoked, its holder is not banned from the
// room that it is for, nor from the one above that, and where the server made it that was for this room and none before it of the same name.
func (h *House) Verify(token string) (auth.Claims, error) {
	claims, err := h.keys.Verify(token)
	if err != nil {
		return auth.Claims{}, err
	}
	if claims, err = h.inAnnex(claims); err != nil {
		return auth.Claims{}, err
	}
	if err := h.Holds(claims); err != nil {
		return auth.Claims{}, err
	}
	return claims, nil
}

// Holds tells whether the claims of a token are still good, whose time may be over meanwhile: that lets nobody in, and sends nobody out who is there.
// It fails where the token was revoked, its holder is banned, the room is another one of its name, or it was one under another and is over.
func (h *House) Holds(claims auth.Claims) error {
	if err := h.checkTenure(claims); err != nil {
		return err
	}
	if main := claims.Attributes[attributeMain]; main != "" {
		if under, _ := h.annexes.find(claims.Video.Room); under.main != main {
			return auth.ErrRevoked
		}
	}
	for _, roomName := range []string{claims.Video.Room, claims.Attributes[attributeMain]} {
		if h.revoked(roomName, claims) {
			return auth.ErrRevoked
		}
		if s, err := h.Studio(roomName); err == nil && s.bans(claims.Identity) {
			return stage.ErrBanned
		}
	}
	return nil
}

// revoked tells of a token that the application has taken back.
func (h *House) revoked(roomName string, c auth.Claims) bool {
	return h.rooms != nil && h.rooms.revoked.covers(roomName, c.Identity, c.Made)
}

func (s *Studio) bans(identity string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stage.Banned(identity)
}

func (h *House) admitToken(roomName, token string, a Action) (auth.Claims, error) {
	claims, err := h.Verify(token)
	if err != nil {
		return auth.Claims{}, err
	}
	g := claims.Video
	if g.Room != roomName {
		return auth.Claims{}, auth.ErrDenied
	}
	perm := Permission(g)
	allowed := false
	switch a {
	case ToJoin:
		allowed = g.RoomJoin
	case ToPublish:
		allowed = (g.RoomJoin && perm.Publish || g.IngressAdmin) && !h.isAnnex(roomName)
	case ToWatch:
		allowed = g.RoomJoin && perm.Subscribe || g.RoomAdmin
	case ToDirect:
		allowed = g.RoomAdmin
	case ToRun:
		allowed = g.RoomAdmin || g.RoomJoin && h.runs(roomName, claims.Identity)
	}
	if !allowed {
		return auth.Claims{}, auth.ErrDenied
	}
	return claims, nil
}

// runs tells whether somebody is responsible for what goes on in a room.
func (h *House) runs(roomName, identity string) bool {
	s, err := h.Studio(roomName)
	return err == nil && s.RoleOf(identity).Directs()
}

func (h *House) admitKey(roomName, key string, policy room.Policy, a Action) (auth.Claims, error) {
	role, ok := h.roleOf(key, roomName, policy)
	switch {
	case !ok && h.dev && (a == ToPublish || a == ToWatch):
		return h.admitAnyone(roomName, policy, a)
	case !ok:
		return auth.Claims{}, auth.ErrInvalid
	}
	allowed := false
	switch role {
	case auth.Host:
		allowed = true
	case auth.Guest:
		allowed = a == ToJoin || a == ToWatch
	case auth.Watcher:
		allowed = a == ToWatch
	case auth.Publisher:
		allowed = a == ToPublish
	}
	if !allowed {
		return auth.Claims{}, auth.ErrDenied
	}
	return ClaimsOf(role, roomName), nil
}

// roleOf finds the role that a link key gives; token-only rooms know no links.
func (h *House) roleOf(key, roomName string, policy room.Policy) (auth.Role, bool) {
	found, ok := auth.Role(""), false
	for _, role := range []auth.Role{auth.Host, auth.Guest, auth.Watcher} {
		if h.keys.IsLinkKey(key, roomName, role, policy.Salt) {
			found, ok = role, true
		}
	}
	if _, is := h.streamKey(key, roomName, policy); is {
		found, ok = auth.Publisher, true
	}
	if ok && policy.Access == room.AccessToken && found != auth.Publisher {
		return "", false
	}
	return found, ok
}

func (h *House) admitAnyone(roomName string, policy room.Policy, a Action) (auth.Claims, error) {
	switch {
	case a == ToJoin && policy.Access == room.AccessOpen:
		return ClaimsOf(auth.Guest, roomName), nil
	case a == ToWatch && (policy.PublicWatch && policy.Access != room.AccessToken || h.dev):
		return ClaimsOf(auth.Watcher, roomName), nil
	case a == ToPublish && h.dev:
		return ClaimsOf(auth.Publisher, roomName), nil
	}
	return auth.Claims{}, auth.ErrMissing
}

// ClaimsOf is what a role may do in a room, with a made-up identity.
func ClaimsOf(role auth.Role, roomName string) auth.Claims {
	no, yes := false, true
	c := auth.Claims{Identity: fmt.Sprintf("%s-%s", role, strings.ToLower(rand.Text()[:8]))}
	c.Video = auth.Grant{Room: roomName, RoomJoin: true}
	switch role {
	case auth.Host:
		c.Video.RoomAdmin, c.Video.CanUpdateOwnMetadata = true, &yes
	case auth.Guest:
		c.Video.CanUpdateOwnMetadata = &yes
	case auth.Watcher:
		c.Video.CanPublish, c.Video.CanPublishData = &no, &no
	case auth.Publisher:
		c.Video.CanSubscribe = &no
	}
	return c
}

// Settings translates what a token says of the room that it opens.
func Settings(c *auth.RoomConfig) room.Settings {
	if c == nil {
		return room.Settings{}
	}
	return room.Settings{
		EmptyTimeout: time.Duration(c.EmptyTimeout) * time.Second, DepartureTimeout: time.Duration(c.DepartureTimeout) * time.Second,
		MaxParticipants: int(c.MaxParticipants), Metadata: c.Metadata,
	}
}

// Permission translates a token's grant. What a grant does not mention is allowed, as LiveKit has it, except changing
// one's own metadata.
func Permission(g auth.Grant) room.Permission {
	allowed := func(p *bool) bool { return p == nil || *p }
	perm := room.Permission{
		Publish: allowed(g.CanPublish), Subscribe: allowed(g.CanSubscribe), PublishData: allowed(g.CanPublishData),
		UpdateMetadata: g.CanUpdateOwnMetadata != nil && *g.CanUpdateOwnMetadata,
		Hidden:         g.Hidden, Admin: g.RoomAdmin, Recorder: g.Recorder, Agent: g.Agent,
	}
	if g.CanPublishData == nil {
		perm.PublishData = perm.Publish
	}
	for _, name := range g.CanPublishSources {
		for s := room.Camera; s <= room.ScreenShareAudio; s++ {
			if s.String() == strings.ToLower(name) {
				perm.Sources = append(perm.Sources, s)
			}
		}
	}
	if len(g.CanPublishSources) > 0 && len(perm.Sources) == 0 {
		perm.Publish = false
	}
	return perm
}
