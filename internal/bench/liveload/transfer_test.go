package liveload

import (
	"fmt"
	"strings"
	"testing"
)

// collected is what comes through, as a parser would see it.
type collected struct{ text string }

func (c *collected) feed(b []byte, _ func(tag)) error {
	c.text += string(b)
	return nil
}

func TestAnswersInChunks(t *testing.T) {
	const want = "tags of any size"
	var sent strings.Builder
	for _, chunk := range []string{"tags", " of ", "any size"} {
		fmt.Fprintf(&sent, "%X\r\n%s\r\n", len(chunk), chunk)
	}
	for step := 1; step <= sent.Len(); step++ {
		var got collected
		in := &transfer{inner: &got}
		for text := sent.String(); text != ""; {
			n := min(step, len(text))
			if err := in.feed([]byte(text[:n]), nil); err != nil {
				t.Fatal(err)
			}
			text = text[n:]
		}
		if got.text != want {
			t.Errorf("in reads of %d: %q", step, got.text)
		}
	}
	for _, bad := range []string{"\r\n", "x\r\n", "-1\r\n", "4\nabcd", "00000000000000000001\r\n"} {
		if err := (&transfer{inner: &collected{}}).feed([]byte(bad), nil); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
