package pull

import (
	"errors"

	"github.com/tuttilive/tutti/internal/dial"
	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/mux/fmp4"
	"github.com/tuttilive/tutti/internal/mux/ts"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// Troubles that sources have beside those of each connection.
const (
	troubleOperators dial.Trouble = "operators" // only operators choose such a source
	troubleDRM       dial.Trouble = "drm"       // its samples are encrypted
	troubleFormat    dial.Trouble = "format"    // it is in a format that is not taken
	troubleSilent    dial.Trouble = "silent"    // it sends nothing
	troubleEnded     dial.Trouble = "ended"
)

// troubles are by the errors that mean them.
var troubles = map[error]dial.Trouble{
	ErrOperators: troubleOperators, errDRM: troubleDRM, fmp4.ErrEncrypted: troubleDRM, errSilent: troubleSilent, errEnded: troubleEnded,
	fmp4.ErrUnsupported: troubleFormat, ts.ErrUnsupported: troubleFormat, ts.ErrNotTS: troubleFormat, flv.ErrUnsupported: troubleFormat,
	errApart: troubleFormat, errPacked: troubleFormat, errRanges: troubleFormat, ingest.ErrBroken: troubleFormat,
}

// reasonOf is an error in a word, with the other server's own name for it where that tells nothing secret.
func (s Source) reasonOf(err error) (reason dial.Trouble, code string) {
	for means, trouble := range troubles {
		if errors.Is(err, means) {
			return trouble, ""
		}
	}
	reason, code = dial.TroubleOf(err)
	if code != s.withoutSecret(errors.New(code)) {
		code = ""
	}
	return reason, code
}
