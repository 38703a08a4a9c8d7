package studio

import (
	"fmt"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/sfu"
	"github.com/tuttilive/tutti/internal/studio/chronicle"
)

// gradeInterval is how often it is judged how well media get through.
const gradeInterval = 5 * time.Second

// grades is how well media get through to and from one participant. It is owned by the goroutine that grades.
type grades struct {
	up   map[string]counted // by track
	down map[*Subscription]uint64
	told room.Quality
}

// counted are packets of one track up to the last grading.
type counted struct{ packets, lost uint64 }

// gradeAll judges everybody again and again until the studio closes.
func (s *Studio) gradeAll() {
	tick := time.NewTicker(gradeInterval)
	defer tick.Stop()
	known := map[*Participant]*grades{}
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.gradeOnce(known)
		}
	}
}

// graded is a participant with what it publishes.
type graded struct {
	participant *Participant
	hidden      bool
	tracks      []*published
}

func (s *Studio) gradeOnce(known map[*Participant]*grades) {
	s.mu.Lock()
	s.forgetDepartures()
	people := make(map[string]*graded, len(s.members))
	for _, m := range s.members {
		self, _ := s.room.Participant(m.identity)
		people[m.sid] = &graded{participant: m, hidden: self.Permission.Hidden}
	}
	for _, t := range s.tracks {
		if p := people[t.publisherSID]; p != nil && t.track != nil && t.receiver != nil {
			p.tracks = append(p.tracks, t)
		}
	}
	s.mu.Unlock()

	var changed []room.Quality
	there := map[*Participant]bool{}
	for _, p := range people {
		there[p.participant] = true
		g := known[p.participant]
		if g == nil {
			g = &grades{up: map[string]counted{}, down: map[*Subscription]uint64{}}
			known[p.participant] = g
		}
		score, level := sfu.Grade(p.passages(g))
		q := room.Quality{Identity: p.participant.identity, SID: p.participant.sid, Hidden: p.hidden, Level: int(level), Score: float32(score)}
		if g.told.SID == "" || g.told.Level != q.Level {
			if g.told.SID != "" {
				p.participant.Note(chronicle.Quality, "", fmt.Sprintf("%s %.1f", q, q.Score))
			}
			g.told = q
			changed = append(changed, q)
		}
	}
	for m := range known {
		if !there[m] {
			delete(known, m)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range changed {
		if m := s.members[q.Identity]; m != nil && m.sid == q.SID {
			m.quality = q
		}
	}
	if len(changed) > 0 && !s.closed {
		s.emit([]room.Event{room.QualitiesChanged{Qualities: changed}})
	}
}

// passages are the streams from and to a participant since the last time.
func (p *graded) passages(g *grades) (all []sfu.Passage) {
	rtt := time.Duration(0)
	p.participant.mu.Lock()
	for _, c := range p.participant.connections {
		rtt = max(rtt, c.peer.RTT())
	}
	subs := make([]*Subscription, 0, len(p.participant.subscriptions))
	for sub := range p.participant.subscriptions {
		subs = append(subs, sub)
	}
	p.participant.mu.Unlock()

	up := make(map[string]counted, len(p.tracks))
	for _, t := range p.tracks {
		var is counted
		in := sfu.Passage{Kind: t.pub.Kind, RTT: rtt}
		for _, l := range t.receiver.Stats() {
			is.packets += l.Packets
			is.lost += l.Lost
			in.Jitter = max(in.Jitter, l.Jitter)
			in.Redundant = in.Redundant || l.Redundant
		}
		up[t.pub.SID] = is
		before, again := g.up[t.pub.SID]
		if !again {
			continue
		}
		came, lost := int(is.packets-before.packets), int(is.lost-before.lost)
		in.Expected = came
		if came > 0 {
			in.Lost = float64(lost) / float64(max(came, lost))
		}
		// A picture that nobody watches is not sent; of sound something comes even in silence.
		in.Silent = came == 0 && t.pub.Kind == media.Audio && !t.track.Muted()
		all = append(all, in)
	}
	down := make(map[*Subscription]uint64, len(subs))
	for _, sub := range subs {
		stats := sub.sender.Stats()
		_, redundant := sub.sender.Outbound().RED()
		out := sfu.Passage{
			Kind: sub.sender.Outbound().Codec().Kind(), Expected: int(stats.Packets - g.down[sub]), Lost: float64(stats.Lost), RTT: rtt,
			Redundant: redundant, Suspended: stats.Suspended, Limited: stats.Limited,
		}
		down[sub] = stats.Packets
		all = append(all, out)
	}
	g.up, g.down = up, down
	return all
}

// Qualities is how well media get through to and from everybody, as was told last.
func (p *Participant) Qualities() []room.Quality {
	s := p.studio
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []room.Quality
	for _, m := range s.members {
		if m.quality.SID != "" {
			q := m.quality
			self, _ := s.room.Participant(m.identity)
			q.Hidden = self.Permission.Hidden // who may have been hidden since it was judged
			all = append(all, q)
		}
	}
	return all
}
