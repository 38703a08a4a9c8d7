package sfu

import "github.com/tuttilive/tutti/internal/media"

// selection is how much of a stream with layers in it is forwarded: spatial and temporal layers up to these.
type selection struct{ spatial, temporal uint8 }

// everything is all layers, whatever they are.
var everything = selection{255, 255}

func (s selection) has(p *media.Packet) bool {
	return p.Spatial <= s.spatial && p.Temporal <= s.temporal
}

// below tells that there is something in the other selection that is not in this one.
func (s selection) below(other selection) bool {
	return s.spatial < other.spatial || s.temporal < other.temporal
}

// towards is what is forwarded from packet p on, the next in order, when want is wanted. inside tells that p belongs to a picture
// of which packets were forwarded, up that the picture forwarded last was one from which temporal layers may be added.
//
// Less is forwarded from the next picture on. More temporal layers come one at a time, where the stream says that what
// follows does not depend on what was left out; a further spatial layer comes at a keyframe, or where it depends on the
// layers below it alone.
func (s selection) towards(want selection, p *media.Packet, inside, up bool) selection {
	if p.Start && p.Keyframe {
		return want
	}
	if inside {
		if p.Up && p.Spatial > 0 && p.Spatial == s.spatial+1 && p.Spatial <= want.spatial && p.Temporal <= s.temporal {
			s.spatial++
		}
		return s
	}
	s.spatial, s.temporal = min(s.spatial, want.spatial), min(s.temporal, want.temporal)
	if p.Start && p.Spatial == 0 && s.temporal < want.temporal && p.Temporal == s.temporal+1 && (p.Up || up) {
		s.temporal++
	}
	return s
}
