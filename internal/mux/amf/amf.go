// Package amf reads values of AMF0 (Action Message Format, version 0) that come from the network, such as RTMP's commands and the metadata of FLV.
package amf

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bluenviron/gortmplib/pkg/amf0"
)

const (
	// maxDepth bounds how deep values may lie in each other, and maxValues how many there may be: a null is one byte and takes 16 when it is read.
	// What encoders send has three levels and some dozens of values.
	maxDepth  = 16
	maxValues = 8192
)

// ErrMalformed is wrapped by all errors about what is read.
var ErrMalformed = errors.New("amf: malformed")

// Read gives the values in b. The library that reads them calls itself for each level, and asks for no bounds: they are looked at before.
func Read(b []byte) (amf0.Data, error) {
	w := walk{b: b}
	for len(w.b) > 0 {
		if err := w.value(1); err != nil {
			return nil, err
		}
	}
	data, err := amf0.Unmarshal(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return data, nil
}

// walk goes over values without making anything of them.
type walk struct {
	b      []byte // what is left
	values int
}

// value goes over one value (AMF0, section 2), which lies at a depth.
func (w *walk) value(depth int) error {
	const (
		number, boolean, text, object, null, undefined, associative, strict = 0, 1, 2, 3, 5, 6, 8, 10
	)
	if w.values++; w.values > maxValues {
		return fmt.Errorf("%w: more than %d values", ErrMalformed, maxValues)
	}
	if depth > maxDepth {
		return fmt.Errorf("%w: more than %d values in each other", ErrMalformed, maxDepth)
	}
	marker, err := w.take(1)
	if err != nil {
		return err
	}
	switch marker[0] {
	case null, undefined:
		return nil
	case boolean:
		_, err = w.take(1)
		return err
	case number:
		_, err = w.take(8)
		return err
	case text:
		_, err = w.text()
		return err
	case object:
		return w.properties(depth)
	case associative: // how many there are is a hint
		if _, err := w.take(4); err != nil {
			return err
		}
		return w.properties(depth)
	case strict:
		count, err := w.take(4)
		if err != nil {
			return err
		}
		for range binary.BigEndian.Uint32(count) {
			if err := w.value(depth + 1); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("%w: a value of type %d", ErrMalformed, marker[0])
}

// properties goes over those of an object, and over its end: an empty name and a marker.
func (w *walk) properties(depth int) error {
	for {
		name, err := w.text()
		if err != nil {
			return err
		}
		if len(name) == 0 {
			_, err := w.take(1)
			return err
		}
		if err := w.value(depth + 1); err != nil {
			return err
		}
	}
}

// text takes a string of up to 64 KiB.
func (w *walk) text() ([]byte, error) {
	size, err := w.take(2)
	if err != nil {
		return nil, err
	}
	return w.take(int(binary.BigEndian.Uint16(size)))
}

func (w *walk) take(n int) ([]byte, error) {
	if n > len(w.b) {
		return nil, fmt.Errorf("%w: a value that is cut short", ErrMalformed)
	}
	taken := w.b[:n]
	w.b = w.b[n:]
	return taken, nil
}
