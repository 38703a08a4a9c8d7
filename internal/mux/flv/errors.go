package flv

import (
	"errors"
	"fmt"
)

// Errors of the demuxer. A malformed tag can be dropped; what is unsupported stays so for the whole stream.
var (
	ErrMalformed   = errors.New("flv: malformed")
	ErrUnsupported = errors.New("flv: unsupported")
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrUnsupported}, args...)...)
}
