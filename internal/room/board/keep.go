package board

// Kept is a board that outlives a restart. Serial counts the pages that there ever were, so that no name comes twice.
type Kept struct {
	Snapshot
	Serial int `json:"serial"`
}

// Keep is what is to be kept of the board.
func (b *Board) Keep() Kept { return Kept{b.Snapshot(), b.serial} }

// Restore makes a board of what was kept.
func Restore(k Kept) *Board {
	if len(k.Contents) == 0 || len(k.Contents) > MaxPages {
		return New()
	}
	b := &Board{on: k.On, shown: k.Shown, serial: k.Serial}
	for _, kept := range k.Contents {
		p := &page{id: kept.ID, elements: make(map[string]Element, len(kept.Elements))}
		for _, e := range kept.Elements {
			p.elements[e.ID] = e
			b.bytes += e.size()
			p.visible += e.counts()
		}
		b.pages = append(b.pages, p)
	}
	if b.page(b.shown) == nil {
		b.shown = b.pages[0].id
	}
	return b
}
