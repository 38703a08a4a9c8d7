package chat

import (
	"slices"
	"time"
)

// Kept is what outlives a restart of a chat: what was written, and how fast it may be.
type Kept struct {
	Messages []Message     `json:"messages,omitempty"`
	Slow     time.Duration `json:"slow,omitempty"`
	Sent     []KeptNonce   `json:"sent,omitempty"`
}

// KeptNonce is a message that is not shown again when its writer sends it once more.
type KeptNonce struct {
	Identity string `json:"identity"`
	Nonce    string `json:"nonce"`
	ID       string `json:"id"`
}

// Keep is what is to be kept of the chat. It shares nothing with it.
func (c *Chat) Keep() Kept {
	k := Kept{Messages: slices.Clone(c.history), Slow: c.slow}
	for _, n := range c.order {
		k.Sent = append(k.Sent, KeptNonce{n.identity, n.nonce, c.nonces[n]})
	}
	return k
}

// Restore makes a chat of what was kept.
func Restore(k Kept) Chat {
	c := Chat{history: slices.Clone(k.Messages[max(len(k.Messages)-MaxHistory, 0):]), slow: min(max(k.Slow, 0), MaxSlow)}
	for _, n := range k.Sent {
		c.remember(nonce{n.Identity, n.Nonce}, n.ID)
	}
	return c
}
