package dial

import (
	"errors"
	"strings"
)

// Trouble says in a word why another server is not reached, or not any more. Clients have words of their own for each; the sentence that an error
// is tells more.
type Trouble string

// What can be the matter.
const (
	Address     Trouble = "address"     // it is none of the world at large, and not allowed
	Unreachable Trouble = "unreachable" // no connection came about
	Denied      Trouble = "refused"     // that server says no
	Broken      Trouble = "broken"      // what had come about ended
)

// Failed is the error of a connection that did not come about; doing says at which step.
func Failed(doing string, err error) error { return &failed{doing, err} }

type failed struct {
	doing string
	err   error
}

func (f *failed) Error() string { return f.doing + ": " + f.err.Error() }
func (f *failed) Unwrap() error { return f.err }

// Denial is the error of a server that says no: with its own name for why, as RTMP has them, or HTTP's number, and in words.
type Denial struct{ Code, Words string }

func (d Denial) Error() string {
	return "the server refuses: " + strings.TrimSpace(d.Code+" "+d.Words)
}

// TroubleOf tells what is the matter, and the name that a server has for its denial where that is a name.
func TroubleOf(err error) (t Trouble, code string) {
	var denial Denial
	var connecting *failed
	switch {
	case errors.Is(err, ErrRefused):
		return Address, ""
	case errors.As(err, &denial):
		return Denied, nameIn(denial.Code)
	case errors.As(err, &connecting):
		return Unreachable, ""
	}
	return Broken, ""
}

// nameIn is a code of a few letters, digits, dots and hyphens, "" for what is none.
func nameIn(code string) string {
	const longest = 64
	if len(code) > longest || strings.ContainsFunc(code, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '.' && r != '_' && r != '-'
	}) {
		return ""
	}
	return code
}
