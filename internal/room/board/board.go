// Package board is a whiteboard that several people draw on: pages of elements, each with a version. It is pure state, as
// package room is: every change is a method that says what came of it, for its one owner to hand out. No sockets, no clock but
// the one in arguments.
//
// Of two versions of one element the higher wins, whatever order they come in, and of two equal ones always the same
// (Element.beats). So a copy that takes in a snapshot and every change since, in any order and some of them twice, ends up the
// same as every other copy.
package board

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/tuttilive/tutti/internal/room"
)

// Why a change is refused.
var (
	ErrMalformed = &room.Refusal{Code: "malformed", Message: "the board does not know this"}
	ErrNoPage    = &room.Refusal{Code: "page_gone", Message: "no such page on the board"}
	ErrFull      = &room.Refusal{Code: "board_full", Message: "the board is full"}
	ErrTooFast   = &room.Refusal{Code: "rate_limited", Message: "too much drawn at once"}
)

// Limits on one board.
const (
	// Width and Height are a page's size in its own units; pages of all screens show the same.
	Width, Height = 1600, 900

	MaxPages = 20
	// MaxElements bounds what one page shows, maxKnown also what was removed from it and is remembered as such.
	MaxElements = 1500
	maxKnown    = 3 * MaxElements
	// MaxBytes bounds all elements of a board as they are written in JSON.
	MaxBytes = 1 << 20
)

// Board is one whiteboard. It belongs to one owner, who serializes calls. The zero value is not ready; see New.
type Board struct {
	on     bool
	pages  []*page
	shown  string
	serial int // of the page made last
	bytes  int
}

type page struct {
	id       string
	elements map[string]Element // by id, removed ones too
	visible  int
}

// State is what the board shows apart from the elements: Pages in order, and the one that all are shown. While the board is not
// On, people have no board before them; what is drawn stays.
type State struct {
	On    bool     `json:"on"`
	Pages []string `json:"pages"`
	Shown string   `json:"shown"`
}

// Page is a page with all that is known of it, which includes what was removed.
type Page struct {
	ID       string    `json:"id"`
	Elements []Element `json:"elements"`
}

// Snapshot is a whole board.
type Snapshot struct {
	State
	Contents []Page `json:"contents"`
}

// New makes a board with one empty page.
func New() *Board {
	b := &Board{}
	b.pages = []*page{b.newPage()}
	b.shown = b.pages[0].id
	return b
}

func (b *Board) newPage() *page {
	b.serial++
	return &page{id: "p" + strconv.Itoa(b.serial), elements: map[string]Element{}}
}

// State is what the board shows apart from the elements.
func (b *Board) State() State {
	s := State{On: b.on, Shown: b.shown, Pages: make([]string, len(b.pages))}
	for i, p := range b.pages {
		s.Pages[i] = p.id
	}
	return s
}

// Snapshot is the whole board. Elements are in the order in which they lie on each other.
func (b *Board) Snapshot() Snapshot {
	s := Snapshot{State: b.State(), Contents: make([]Page, len(b.pages))}
	for i, p := range b.pages {
		elements := make([]Element, 0, len(p.elements))
		for _, e := range p.elements {
			elements = append(elements, e)
		}
		slices.SortFunc(elements, func(x, y Element) int { return cmp.Or(cmp.Compare(x.Z, y.Z), cmp.Compare(x.ID, y.ID)) })
		s.Contents[i] = Page{ID: p.id, Elements: elements}
	}
	return s
}

// Draw takes in what somebody drew, which Parse has read, and gives what others shall hear of: all that won over what was there. Either all of a drawing is taken in, or
// nothing.
func (b *Board) Draw(by string, d Drawing) (Drawing, error) {
	p := b.page(d.Page)
	if p == nil {
		return Drawing{}, ErrNoPage
	}
	won := Drawing{Page: d.Page}
	bytes, visible, known := b.bytes, p.visible, len(p.elements)
	seen := map[string]Element{}
	for _, e := range d.Put {
		e.By = by
		before, ok := seen[e.ID]
		if !ok {
			before, ok = p.elements[e.ID]
		}
		switch {
		case !ok:
			known++
		case !e.beats(before):
			continue
		case e.V-before.V > maxStep: // or one who jumps to the last version keeps everybody else from the element
			return Drawing{}, ErrMalformed
		}
		if !ok && e.V > maxStep {
			return Drawing{}, ErrMalformed
		}
		bytes += e.size() - before.size()
		visible += e.counts() - before.counts()
		seen[e.ID] = e
		won.Put = append(won.Put, e)
	}
	// What is over the limit already may shrink.
	if (bytes > MaxBytes && bytes > b.bytes) || (visible > MaxElements && visible > p.visible) || (known > maxKnown && known > len(p.elements)) {
		return Drawing{}, ErrFull
	}
	for id, e := range seen {
		p.elements[id] = e
	}
	b.bytes, p.visible = bytes, visible
	return won, nil
}

// Open puts the board before everybody, or takes it away.
func (b *Board) Open(on bool) { b.on = on }

// AddPage adds an empty page after another, which everybody is shown.
func (b *Board) AddPage(after string) error {
	i := b.index(after)
	switch {
	case i < 0:
		return ErrNoPage
	case len(b.pages) >= MaxPages:
		return ErrFull
	}
	p := b.newPage()
	b.pages = slices.Insert(b.pages, i+1, p)
	b.shown = p.id
	return nil
}

// Show turns to a page for everybody.
func (b *Board) Show(id string) error {
	if b.page(id) == nil {
		return ErrNoPage
	}
	b.shown = id
	return nil
}

// Clear puts an empty page in the place of one. The new one has another name, so that what is still under way to the old one
// does not appear on it.
func (b *Board) Clear(id string) error {
	i := b.index(id)
	if i < 0 {
		return ErrNoPage
	}
	b.drop(b.pages[i])
	b.pages[i] = b.newPage()
	if b.shown == id {
		b.shown = b.pages[i].id
	}
	return nil
}

// RemovePage removes a page; the last one is cleared instead.
func (b *Board) RemovePage(id string) error {
	i := b.index(id)
	switch {
	case i < 0:
		return ErrNoPage
	case len(b.pages) == 1:
		return b.Clear(id)
	}
	b.drop(b.pages[i])
	b.pages = slices.Delete(b.pages, i, i+1)
	if b.shown == id {
		b.shown = b.pages[min(i, len(b.pages)-1)].id
	}
	return nil
}

func (b *Board) drop(p *page) {
	for _, e := range p.elements {
		b.bytes -= e.size()
	}
}

func (b *Board) index(id string) int {
	return slices.IndexFunc(b.pages, func(p *page) bool { return p.id == id })
}

func (b *Board) page(id string) *page {
	if i := b.index(id); i >= 0 {
		return b.pages[i]
	}
	return nil
}
