package songs

import "slices"

// Kept are the songs of a room for after a restart, with their lyrics.
type Kept struct {
	Now   *Playing `json:"now,omitempty"`
	Queue []Song   `json:"queue,omitempty"`
	List  []Listed `json:"list,omitempty"`
	Last  int      `json:"last"`
}

// Keep is what Restore needs. It shares nothing that changes.
func (s *Songs) Keep() Kept {
	k := Kept{Queue: slices.Clone(s.queue), List: slices.Clone(s.list), Last: s.last}
	if s.now != nil {
		now := *s.now
		k.Now = &now
	}
	return k
}

// Restore makes songs of what was kept. A song that went on goes on: it is the singer's page that plays it.
func Restore(k Kept) Songs {
	s := Songs{queue: k.Queue, list: k.List, last: k.Last}
	sung := func(song Song) bool { return len(song.Singers) > 0 }
	s.queue = slices.DeleteFunc(s.queue, func(song Song) bool { return !sung(song) })
	if k.Now != nil && sung(k.Now.Song) && k.Now.Turn >= 0 && k.Now.Turn < len(k.Now.Singers) {
		s.now = k.Now
	}
	return s
}
