package applause

import "maps"

// Kept is what outlives a restart: how much there was.
type Kept struct {
	Likes int              `json:"likes,omitempty"`
	Gifts map[string]Total `json:"gifts,omitempty"`
	To    map[string]Total `json:"to,omitempty"`
}

// Keep is what is to be kept. It shares nothing with the applause.
func (a *Applause) Keep() Kept { return Kept{a.likes, maps.Clone(a.gifts), maps.Clone(a.to)} }

// Restore makes an applause of what was kept.
func Restore(k Kept) Applause {
	a := Applause{likes: k.Likes}
	if len(k.Gifts)+len(k.To) > 0 {
		a.gifts, a.to = map[string]Total{}, map[string]Total{}
		maps.Copy(a.gifts, k.Gifts)
		maps.Copy(a.to, k.To)
	}
	return a
}
