package rtmp

import (
	"errors"
	"fmt"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/tuttilive/tutti/internal/mux/amf"
)

// commandStream is the chunk stream that commands go out on.
const commandStream = 3

// Command is what two sides say to each other about streams (RTMP 1.0, section 7.2), in AMF0.
type Command struct {
	Name        string
	Transaction float64
	Arguments   []any
}

// ReadCommand takes a message of TypeCommandAMF0. It fails with ErrProtocol where that is malformed.
func ReadCommand(m Message) (Command, error) {
	data, err := amf.Read(m.Body)
	if err != nil || len(data) < 2 {
		return Command{}, fmt.Errorf("a malformed command: %w", errors.Join(err, ErrProtocol))
	}
	c := Command{Arguments: data[2:]}
	c.Name, _ = data[0].(string)
	c.Transaction, _ = data[1].(float64)
	return c, nil
}

// Message is the command on a message stream.
func (c Command) Message(stream uint32) (Message, error) {
	body, err := append(amf0.Data{c.Name, c.Transaction}, c.Arguments...).Marshal()
	if err != nil {
		return Message{}, fmt.Errorf("command %s: %w", c.Name, err)
	}
	return Message{ChunkStream: commandStream, Type: TypeCommandAMF0, Stream: stream, Body: body}, nil
}

// Last is the last argument, which says what an answer is about; nil where there is none.
func (c Command) Last() any {
	if len(c.Arguments) == 0 {
		return nil
	}
	return c.Arguments[len(c.Arguments)-1]
}

// Property is a text in the last argument, such as level, code or description of onStatus; empty where it is not.
func (c Command) Property(name string) string {
	var o amf0.Object
	switch v := c.Last().(type) {
	case amf0.Object:
		o = v
	case amf0.ECMAArray:
		o = amf0.Object(v)
	}
	s, _ := o.GetString(name)
	return s
}

// Stream is the message stream that an answer to createStream gives.
func (c Command) Stream() (uint32, bool) {
	id, ok := c.Last().(float64)
	if !ok || id < 1 || id > 1<<31 {
		return 0, false
	}
	return uint32(id), true
}
