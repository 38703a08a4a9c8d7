package webhook

import (
	"context"
	"errors"
	"net"
	"strconv"

	"github.com/tuttilive/tutti/internal/dial"
)

// troubleSlow is what receivers have beside what servers have that others connect to.
const troubleSlow dial.Trouble = "slow" // no answer in time

// reasonOf says in a word why an event was not taken: [dial.Denied], with the status of the answer; [dial.Address]; troubleSlow; or
// [dial.Unreachable], also for a connection that ended without an answer.
func reasonOf(err error) (reason dial.Trouble, code string) {
	if no, answered := errors.AsType[unwilling](err); answered {
		return dial.Denied, strconv.Itoa(no.code)
	}
	if errors.Is(err, dial.ErrRefused) {
		return dial.Address, ""
	}
	if connecting, ok := errors.AsType[*net.OpError](err); ok && connecting.Op == "dial" {
		return dial.Unreachable, "" // whatever time that took
	}
	if waiting, ok := errors.AsType[net.Error](err); ok && waiting.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return troubleSlow, ""
	}
	return dial.Unreachable, ""
}
