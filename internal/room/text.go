package room

import (
	"maps"
	"slices"
	"strings"
)

// Text of strangers is made valid UTF-8 before anybody is told of it. The protocols that clients speak cannot carry other
// text: one bad name would keep the whole message, with all that it tells of everybody else, from being written.

func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// valid is what somebody brings along with valid text only.
func (j Join) valid() Join {
	j.Name, j.Metadata = validText(j.Name), validText(j.Metadata)
	attributes := maps.Clone(j.Attributes)
	for k, v := range j.Attributes {
		delete(attributes, k)
		attributes[validText(k)] = validText(v)
	}
	j.Attributes = attributes
	return j
}

// valid is a publication with valid text only.
func (p Publication) valid() Publication {
	p.CID, p.MID, p.Name, p.Stream = validText(p.CID), validText(p.MID), validText(p.Name), validText(p.Stream)
	p.Layers, p.Backups = slices.Clone(p.Layers), slices.Clone(p.Backups)
	for i := range p.Layers {
		p.Layers[i].RID = validText(p.Layers[i].RID)
	}
	for i := range p.Backups {
		p.Backups[i].CID, p.Backups[i].MID = validText(p.Backups[i].CID), validText(p.Backups[i].MID)
	}
	return p
}
