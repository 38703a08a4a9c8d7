package dial

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestTrouble(t *testing.T) {
	for _, c := range []struct {
		err     error
		trouble Trouble
		code    string
		says    string
	}{
		{Failed("connecting", fmt.Errorf("%w: 10.0.0.7", ErrRefused)), Address, "", "connecting: the address is not a public one, and not allowed: 10.0.0.7"},
		{Failed("connecting over TLS", errors.New("expired")), Unreachable, "", "connecting over TLS: expired"},
		{Failed("connecting", Denial{"Rejected", ""}), Denied, "Rejected", "connecting: the server refuses: Rejected"},
		{fmt.Errorf("publishing: %w", Denial{"NetStream.Publish.BadName", "no such name"}), Denied, "NetStream.Publish.BadName", "publishing: the server refuses: NetStream.Publish.BadName no such name"},
		{Denial{"", "go away"}, Denied, "", "the server refuses: go away"},
		{Denial{"<b>401</b>", ""}, Denied, "", "the server refuses: <b>401</b>"},
		{Denial{strings.Repeat("4", 65), ""}, Denied, "", "the server refuses: " + strings.Repeat("4", 65)},
		{errors.New("the connection ends"), Broken, "", "the connection ends"},
	} {
		if trouble, code := TroubleOf(c.err); trouble != c.trouble || code != c.code || c.err.Error() != c.says {
			t.Errorf("%q is %s %q, want %q %s %q", c.err, trouble, code, c.says, c.trouble, c.code)
		}
	}
}
