package studio

import (
	"time"

	"github.com/tuttilive/tutti/internal/auth"
)

const (
	// ticketLife is how long somebody may join with the token that a door made for them.
	ticketLife = 6 * time.Hour
	// staysLife is that at least for those who are connected: they go on after the end of their token, as who is in a room does.
	staysLife = 5 * time.Minute
)

// Ticket makes the token with which somebody joins who was admitted. It is good for six hours, but for no longer than the token that was
// shown: nobody lives for ever on one that an application made for a minute. It is for the room that has the name now, not for one that has it later.
func (h *House) Ticket(claims auth.Claims) (string, error) { return h.ticket(claims, 0) }

// TicketToStay is Ticket for those who were admitted long ago and are still connected.
func (h *House) TicketToStay(claims auth.Claims) (string, error) { return h.ticket(claims, staysLife) }

func (h *House) ticket(claims auth.Claims, least time.Duration) (string, error) {
	now, life := time.Now(), ticketLife
	if !claims.Expires.IsZero() {
		life = min(life, max(least, claims.Expires.Sub(now)))
	}
	if claims.Tenure == "" { // an operator's, whom no policy admits
		tenure, err := h.currentTenure(claims.Video.Room)
		if err != nil {
			return "", err
		}
		claims.Tenure = tenure
	}
	return h.keys.Mint(claims, life, now)
}
