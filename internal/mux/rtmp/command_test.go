package rtmp

import (
	"bytes"
	"errors"
	"testing"

	"github.com/bluenviron/gortmplib/pkg/amf0"
)

func TestCommandsAreReadAsTheyWereWritten(t *testing.T) {
	for name, info := range map[string]any{
		"object": amf0.Object{{Key: "level", Value: "error"}, {Key: "code", Value: "NetStream.Play.StreamNotFound"}},
		"array":  amf0.ECMAArray{{Key: "level", Value: "error"}, {Key: "code", Value: "NetStream.Play.StreamNotFound"}},
	} {
		m, err := Command{Name: "onStatus", Arguments: []any{nil, info}}.Message(7)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ReadCommand(m)
		if err != nil || m.Stream != 7 || c.Name != "onStatus" || c.Transaction != 0 || len(c.Arguments) != 2 {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
		if c.Property("code") != "NetStream.Play.StreamNotFound" || c.Property("level") != "error" || c.Property("none") != "" {
			t.Errorf("%s: the properties are lost: %+v", name, c)
		}
		if _, ok := c.Stream(); ok {
			t.Errorf("%s passes for a stream", name)
		}
	}
	for _, body := range [][]byte{nil, {5}, {2, 0, 1}, {2, 0, 1, 'x'}, bytes.Repeat([]byte{3, 0, 1, 'k'}, 2<<20)} {
		if _, err := ReadCommand(Message{Type: TypeCommandAMF0, Body: body}); !errors.Is(err, ErrProtocol) {
			t.Errorf("%v passes for a command: %v", body[:min(len(body), 9)], err)
		}
	}
}

func TestStreamsThatCanBe(t *testing.T) {
	for value, want := range map[any]bool{1.0: true, 0.0: false, -1.0: false, 1e10: false, "1": false, nil: false} {
		if _, ok := (Command{Arguments: []any{nil, value}}).Stream(); ok != want {
			t.Errorf("%v: %v", value, ok)
		}
	}
}
