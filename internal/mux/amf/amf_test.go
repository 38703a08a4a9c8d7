package amf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"testing"

	"github.com/bluenviron/gortmplib/pkg/amf0"
)

// enclosed puts a null into some levels of objects and arrays by turns.
func enclosed(levels int) []byte {
	head, tail := []byte(nil), []byte(nil)
	for i := range levels {
		switch i % 3 {
		case 0:
			head = append(head, 3, 0, 1, 'k')
			tail = append([]byte{0, 0, 9}, tail...)
		case 1:
			head = append(head, 8, 0, 0, 0, 1, 0, 1, 'k')
			tail = append([]byte{0, 0, 9}, tail...)
		case 2:
			head = append(head, 10, 0, 0, 0, 1)
		}
	}
	return append(append(head, 5), tail...)
}

func TestValuesAreReadAsTheyWereWritten(t *testing.T) {
	data := amf0.Data{"onMetaData", 1.5, true, nil, amf0.Object{{Key: "a", Value: amf0.StrictArray{"b", amf0.ECMAArray{{Key: "c", Value: 2.0}}}}}}
	b, err := data.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Read(b); err != nil || !reflect.DeepEqual(got, data) {
		t.Errorf("%v, %v", got, err)
	}
	for n := range b {
		if _, err := Read(b[:n]); err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
}

func TestDepthIsBounded(t *testing.T) {
	if _, err := Read(enclosed(maxDepth - 1)); err != nil {
		t.Errorf("%d values in each other: %v", maxDepth, err)
	}
	for name, b := range map[string][]byte{
		"one level more":        enclosed(maxDepth),
		"objects without end":   bytes.Repeat([]byte{3, 0, 1, 'k'}, 2<<20), // the library needs more stack for it than a program may have
		"arrays without end":    bytes.Repeat([]byte{10, 0, 0, 0, 1}, 2<<20),
		"named without end":     bytes.Repeat([]byte{8, 0, 0, 0, 1, 0, 1, 'k'}, 1<<20),
		"arrays of many arrays": bytes.Repeat([]byte{10, 0xff, 0xff, 0xff, 0xff}, 1<<20),
	} {
		if _, err := Read(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNumberOfValuesIsBounded(t *testing.T) {
	if data, err := Read(bytes.Repeat([]byte{5}, maxValues)); err != nil || len(data) != maxValues {
		t.Errorf("%d values, %v", len(data), err)
	}
	flat := append([]byte{10}, binary.BigEndian.AppendUint32(nil, 8<<20)...)
	for name, b := range map[string][]byte{
		"nulls":              bytes.Repeat([]byte{5}, 8<<20),
		"an array of nulls":  append(flat, bytes.Repeat([]byte{5}, 8<<20)...),
		"an object of nulls": append([]byte{3}, bytes.Repeat([]byte{0, 1, 'k', 5}, 2<<20)...),
	} {
		var err error
		// Looking costs nothing but the error.
		if n := testing.AllocsPerRun(1, func() { _, err = Read(b) }); n > 8 || !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v allocations, %v", name, n, err)
		}
	}
}

// FuzzRead looks for values that the walk before lets pass and the library does not, or the other way round, or that lie deeper than they may.
func FuzzRead(f *testing.F) {
	f.Add(enclosed(4))
	f.Add(enclosed(maxDepth))
	f.Add([]byte("\x02\x00\x0aonMetaData\x08\x00\x00\x00\x01\x00\x05width\x00\x40\x94\x00\x00\x00\x00\x00\x00\x00\x00\x09"))
	f.Add([]byte{10, 0xff, 0xff, 0xff, 0xff, 5})
	f.Add([]byte{1, 1, 6, 5, 11})
	f.Fuzz(func(t *testing.T, b []byte) {
		data, err := Read(b)
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
		values, deepest := 0, 0
		for _, v := range data {
			n, depth := measure(v)
			values, deepest = values+n, max(deepest, depth)
		}
		if values > maxValues || deepest > maxDepth {
			t.Fatalf("%d values, %d in each other", values, deepest)
		}
		if len(b) > maxDepth {
			return
		}
		if _, theirs := amf0.Unmarshal(b); (theirs == nil) != (err == nil) { // it is short enough for them
			t.Fatalf("%v, of the library %v", err, theirs)
		}
	})
}

func measure(v any) (values, depth int) {
	var inner []any
	switch v := v.(type) {
	case amf0.Object:
		for _, e := range v {
			inner = append(inner, e.Value)
		}
	case amf0.ECMAArray:
		for _, e := range v {
			inner = append(inner, e.Value)
		}
	case amf0.StrictArray:
		inner = v
	}
	values, depth = 1, 1
	for _, one := range inner {
		n, d := measure(one)
		values, depth = values+n, max(depth, d+1)
	}
	return values, depth
}
