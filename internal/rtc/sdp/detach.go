package sdp

import "strings"

// detach copies strings out of the text that they were found in. A few of them are kept for as long as a connection lives, and each
// would keep the whole text. What occurs often, as most does, is copied once.
func (d *Description) detach() {
	copies := make(map[string]string)
	detach := func(fields ...*string) {
		for _, f := range fields {
			if *f == "" {
				continue
			}
			c, ok := copies[*f]
			if !ok {
				c = strings.Clone(*f)
				copies[c] = c
			}
			*f = c
		}
	}
	list := func(values []string) {
		for i := range values {
			detach(&values[i])
		}
	}
	list(d.Bundle)
	for i := range d.Sections {
		s := &d.Sections[i]
		detach(&s.Kind, &s.Protocol, &s.Mid, &s.Ufrag, &s.Pwd, &s.StreamID, &s.TrackID, &s.CNAME)
		for k := range s.Fingerprints {
			detach(&s.Fingerprints[k].Algorithm, &s.Fingerprints[k].Value)
		}
		for k := range s.Formats {
			f := &s.Formats[k]
			detach(&f.Name, &f.Parameters)
			list(f.Feedback)
		}
		for k := range s.Extensions {
			detach(&s.Extensions[k].URI)
		}
		list(s.SendRIDs)
		list(s.RecvRIDs)
		list(s.Candidates)
	}
}
