package board

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// MaxDrawingBytes bounds one drawing in JSON, maxPut the elements in it.
const (
	MaxDrawingBytes = 16 << 10
	maxPut          = 100
)

// Drawing is what somebody drew, changed or removed on one page in one go.
type Drawing struct {
	Page string    `json:"page"`
	Put  []Element `json:"put"`
}

// Writes tells whether there are words in it.
func (d Drawing) Writes() bool {
	return slices.ContainsFunc(d.Put, func(e Element) bool { return e.Kind == Text })
}

// Trace is the next piece of a line that is still being drawn: it is shown to the others, and not kept. When the line is
// finished, it comes as an element with the trace's ID.
type Trace struct {
	Page  string `json:"page"`
	ID    string `json:"id"`
	Kind  Kind   `json:"kind"`
	Color Color  `json:"color"`
	Size  int    `json:"size"`
	// Points count from the page's left upper corner.
	Points []int `json:"points"`
}

// Parse reads a drawing and refuses whatever a board does not know: other fields, other values, too much of anything. It reads no
// addresses, markup or pictures, because there is no place for them.
func Parse(data []byte) (Drawing, error) {
	var d Drawing
	if err := strict(data, &d); err != nil {
		return Drawing{}, err
	}
	if len(d.Put) == 0 || len(d.Put) > maxPut {
		return Drawing{}, fmt.Errorf("%w: 1 to %d elements at once", ErrMalformed, maxPut)
	}
	for _, e := range d.Put {
		if !e.valid() {
			return Drawing{}, fmt.Errorf("%w: element %.24q", ErrMalformed, e.ID)
		}
	}
	return d, nil
}

// ParseTrace reads a piece of a line, as strictly.
func ParseTrace(data []byte) (Trace, error) {
	var t Trace
	if err := strict(data, &t); err != nil {
		return Trace{}, err
	}
	if !validID(t.ID) || t.Kind != Pen && t.Kind != Marker || !colors[t.Color] || t.Size < 1 || t.Size > 60 || !validPoints(t.Points, 2, MaxPoints) {
		return Trace{}, fmt.Errorf("%w: trace %.24q", ErrMalformed, t.ID)
	}
	return t, nil
}

func strict(data []byte, into any) error {
	if len(data) > MaxDrawingBytes {
		return fmt.Errorf("%w: more than %d bytes", ErrMalformed, MaxDrawingBytes)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%w: %s", ErrMalformed, strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := decoder.Token(); err != io.EOF {
		return fmt.Errorf("%w: something follows", ErrMalformed)
	}
	return nil
}
