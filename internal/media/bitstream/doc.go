// Package bitstream reads and writes what stands around coded pictures and sound: parameter sets, decoder configuration
// records, the ways of delimiting NAL units, and the headers that tell a keyframe and its size. Everything that it reads
// may come from the network: it is bounded, and malformed input is an error.
package bitstream

import "errors"

// Limits of what is believed.
const (
	// MaxSize is the largest width and height of a picture, in pixels.
	MaxSize = 16384
	// MaxUnit is the largest access unit, in bytes.
	MaxUnit = 8 << 20
	// MaxParameterSet is the largest parameter set or configuration record, in bytes.
	MaxParameterSet = 4096
)

var (
	// ErrMalformed is wrapped by all errors of this package but those of ErrUnsupported.
	ErrMalformed = errors.New("malformed bitstream")
	// ErrUnsupported tells of what is well-formed and of a kind that nobody here takes.
	ErrUnsupported = errors.New("unsupported")
)
