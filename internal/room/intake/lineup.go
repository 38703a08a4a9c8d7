package intake

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Conflict says what becomes of an encoder that comes while another publishes.
type Conflict string

const (
	// Together, also the zero value, shows all of them as any other participants of the room.
	Together Conflict = "together"
	// Refuse sends the one away that comes, Replace those that are there; Standby lets it wait and take over when the one that is shown
	// goes, or at once from a backup.
	Refuse  Conflict = "refuse"
	Replace Conflict = "replace"
	Standby Conflict = "standby"
)

// Valid tells whether this is one of those that exist.
func (c Conflict) Valid() bool {
	return c == "" || c == Together || c == Refuse || c == Replace || c == Standby
}

func (c Conflict) together() bool { return c == "" || c == Together }

// ErrPublished is told to an encoder that comes while another publishes.
var ErrPublished = errors.New("another encoder is publishing")

const (
	// DeadAfter is how long nothing has come of an encoder whose connection counts as lost, although nobody has ended it.
	DeadAfter = 3 * time.Second
	// settleFor is how long it is shown at least who was chosen, while something comes of it, and for how long one must have been there that
	// takes its place all the same: a connection that comes and goes does not make the picture jump.
	settleFor = 5 * time.Second
	// maxWaiting bounds the encoders that wait in a room.
	maxWaiting = 4
)

// Encoder is one of those that are there, in the order in which they came.
type Encoder struct {
	Identity string
	// Owner is the key or token that let it in, From its address.
	Owner, From string
	Backup      bool
	// Ends tells that its connection is known to have ended soon after it did, as those of WebRTC are: what comes with its key and from
	// its address is another encoder.
	Ends bool
	// Fetched tells that the server fetches it, and comes back with it whatever becomes of it: it replaces nobody.
	Fetched bool
	// Shown tells that it does not wait, Ready that it has published something that can be shown.
	Shown, Ready bool
	// Silent is for how long nothing has come of it, Steady for how long that was never DeadAfter.
	Silent, Steady time.Duration
}

func (e Encoder) dead() bool { return e.Silent >= DeadAfter }

// Arrival is how an encoder is let in.
type Arrival struct {
	// Identity is under which it comes, that of another one where it takes its place.
	Identity string
	// Waits tells that it is not shown until it is chosen; Gone are those that are sent away for it.
	Waits bool
	Gone  []string
}

// Arrive decides about an encoder that comes to others. One that has the key of another and its address, or comes when nothing has come of that one
// for a while, is the same encoder come back, and takes its place; otherwise two encoders with one key would push each other out for
// ever. Where all are shown together, those that Ends is true of may share a key. Who is in the room as something else, which taken tells of an
// identity, is beside all that: an encoder comes under another identity. It fails with ErrPublished.
func (c Conflict) Arrive(there []Encoder, e Encoder, taken func(identity string) bool) (Arrival, error) {
	if c == Replace && e.Fetched {
		c = Refuse
	}
	a := Arrival{Identity: e.Identity}
	for _, old := range there {
		if old.Owner != e.Owner || c.together() && e.Ends && !old.dead() {
			continue
		}
		if old.From == e.From || old.dead() || c == Replace {
			a.Identity, a.Waits = old.Identity, c == Standby && !old.Shown
			return a, nil
		}
		if c != Standby {
			return Arrival{}, ErrPublished
		}
	}
	switch c {
	case Refuse, Replace:
		for _, old := range there {
			if c == Refuse && !old.dead() {
				return Arrival{}, ErrPublished
			}
			a.Gone = append(a.Gone, old.Identity)
		}
	case Standby:
		if len(there) > maxWaiting {
			return Arrival{}, ErrPublished
		}
		a.Waits = len(there) > 0
	}
	used := func() bool {
		return taken(a.Identity) || slices.ContainsFunc(there, func(old Encoder) bool { return old.Identity == a.Identity && !slices.Contains(a.Gone, a.Identity) })
	}
	for n := 2; used(); n++ {
		a.Identity = fmt.Sprintf("%s-%d", e.Identity, n)
	}
	return a, nil
}

// Choose says which encoder is shown where one is at a time: the one that is, for as long as it sends, unless it is a backup and another one
// has been sending for a while. since is how long ago that was decided last. It gives "" where nobody is there to be shown.
func Choose(there []Encoder, since time.Duration) string {
	shown, well := "", false
	if i := slices.IndexFunc(there, func(e Encoder) bool { return e.Shown }); i >= 0 {
		shown, well = there[i].Identity, !there[i].dead() && there[i].Ready
	}
	if well && since < settleFor {
		return shown
	}
	rank := func(e Encoder) int { // the lower the better
		r := 0
		if e.dead() || !e.Ready {
			r += 4
		}
		if e.Backup {
			r += 2
		}
		if !e.Shown {
			r++
		}
		return r
	}
	best := -1
	for i, e := range there {
		if well && !e.Shown && e.Steady < settleFor {
			continue
		}
		if best < 0 || rank(e) < rank(there[best]) {
			best = i
		}
	}
	switch {
	case best < 0:
		return ""
	case shown != "" && (there[best].dead() || !there[best].Ready): // nobody is better than the one that is missing
		return shown
	}
	return there[best].Identity
}
