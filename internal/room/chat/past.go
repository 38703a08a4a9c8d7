package chat

import "slices"

// past are the identifiers of the last MaxPast messages that have left the history. The zero value has none.
type past struct {
	ids    []string // a ring; "" was taken away
	oldest int
}

func (p *past) add(id string) {
	if len(p.ids) < MaxPast {
		p.ids = append(p.ids, id)
		return
	}
	p.ids[p.oldest] = id
	p.oldest = (p.oldest + 1) % MaxPast
}

// remove tells whether it was there.
func (p *past) remove(id string) bool {
	i := slices.Index(p.ids, id)
	if id == "" || i < 0 {
		return false
	}
	p.ids[i] = ""
	return true
}
