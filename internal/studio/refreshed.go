package studio

import (
	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
)

// Refreshed are the claims of the token that a participant comes back with: those of the one that let it in, and what the application has changed
// since. What its role, a mute or a door makes of them is not in it: they say it anew to whoever comes. It is false once the participant has left.
func (p *Participant) Refreshed(claims auth.Claims) (auth.Claims, bool) {
	p.studio.mu.Lock()
	defer p.studio.mu.Unlock()
	return p.refreshed(claims)
}

// refreshed is Refreshed with the studio's lock held.
func (p *Participant) refreshed(claims auth.Claims) (auth.Claims, bool) {
	self, ok := p.studio.room.Participant(p.identity)
	if !ok || self.SID != p.sid {
		return auth.Claims{}, false
	}
	return p.given(claims, self), true
}

// given fills in what the participant, as the room knows it, was given. The caller holds the studio's lock.
func (p *Participant) given(claims auth.Claims, self room.Participant) auth.Claims {
	claims.Name, claims.Metadata, claims.Attributes = self.Name, self.Metadata, ownAttributes(self.Attributes)
	if under := p.studio.annex; under != nil {
		claims.Attributes[attributeMain] = under.main
	}
	g, grant := &claims.Video, p.grant
	g.CanPublish, g.CanSubscribe, g.CanPublishData, g.CanUpdateOwnMetadata = &grant.Publish, &grant.Subscribe, &grant.PublishData, &grant.UpdateMetadata
	g.CanPublishSources = nil
	for _, source := range grant.Sources {
		g.CanPublishSources = append(g.CanPublishSources, source.String())
	}
	g.RoomAdmin, g.Hidden, g.Recorder, g.Agent = grant.Admin, grant.Hidden, grant.Recorder, grant.Agent
	return claims
}
