package room

import (
	"testing"
	"unicode/utf8"
)

// TestTextOfStrangersIsValid: encoders and SDP over HTTP bring bytes of any kind.
func TestTextOfStrangersIsValid(t *testing.T) {
	const bad = "a\xffb"
	r := newRoom(t)
	p, _, err := r.Join(Join{
		Identity: "a", Name: bad, Metadata: bad, Attributes: map[string]string{bad: bad, "k": "v"}, Permission: Permission{Publish: true},
	}, noon)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{p.Name, p.Metadata}
	for k, v := range p.Attributes {
		texts = append(texts, k, v)
	}
	layers := []PublishedLayer{{RID: bad}}
	events, err := r.Publish("a", Publication{
		SID: "TR_1", CID: bad, MID: bad, Name: bad, Stream: bad, Layers: layers, Backups: []PublishedCodec{{CID: bad, MID: bad}},
	})
	if err != nil {
		t.Fatal(err)
	}
	pub := events[0].(PublicationAdded).Publication
	texts = append(texts, pub.CID, pub.MID, pub.Name, pub.Stream, pub.Layers[0].RID, pub.Backups[0].CID, pub.Backups[0].MID)
	for i, text := range texts {
		if !utf8.ValidString(text) {
			t.Errorf("text %d: %q", i, text)
		}
	}
	if p.Attributes["k"] != "v" || len(p.Attributes) != 2 || layers[0].RID != bad {
		t.Errorf("%q, %+v", p.Attributes, layers)
	}
	if p, _ := r.Participant("a"); !utf8.ValidString(p.Publications[0].Name) {
		t.Errorf("kept: %q", p.Publications[0].Name)
	}
}
