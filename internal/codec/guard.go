package codec

import (
	"fmt"
	"math"
)

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

// guard calls a coder that others wrote on bytes that others sent: a panic inside becomes an error.
func guard(what string, call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("codec: %s panicked: %v", what, p)
		}
	}()
	return call()
}

// sane replaces what is no number and limits the rest to ±4 (12 dB above full scale), so that one broken frame cannot
// poison a filter or a mix.
func sane(pcm []float32) {
	const limit = 4
	for i, v := range pcm {
		if !(v >= -limit && v <= limit) {
			switch {
			case v > limit && !math.IsInf(float64(v), 0):
				pcm[i] = limit
			case v < -limit && !math.IsInf(float64(v), 0):
				pcm[i] = -limit
			default:
				pcm[i] = 0
			}
		}
	}
}
