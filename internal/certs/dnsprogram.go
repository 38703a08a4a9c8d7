package certs

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/mholt/acmez/v3/acme"
)

// dnsProgram proves names by DNS records that a program of the operator sets (DNS-01, RFC 8555 section 8.4). It is called as
//
//	PROGRAM present|cleanup _acme-challenge.NAME. VALUE
//
// and must end only when the record can be seen. Any provider's own tool fits behind it.
type dnsProgram string

// programLimit is how long the program may take: records can be slow to be seen.
const programLimit = 10 * time.Minute

func (p dnsProgram) Present(ctx context.Context, c acme.Challenge) error {
	return p.run(ctx, "present", c)
}

func (p dnsProgram) CleanUp(ctx context.Context, c acme.Challenge) error {
	return p.run(ctx, "cleanup", c)
}

func (p dnsProgram) run(ctx context.Context, verb string, c acme.Challenge) error {
	ctx, cancel := context.WithTimeout(ctx, programLimit)
	defer cancel()
	out, err := exec.CommandContext(ctx, string(p), verb, c.DNS01TXTRecordName()+".", c.DNS01KeyAuthorization()).CombinedOutput()
	if err != nil {
		const shown = 400
		out = bytes.TrimSpace(out)
		return fmt.Errorf("running %s %s: %w: %s", string(p), verb, err, out[max(0, len(out)-shown):])
	}
	return nil
}
