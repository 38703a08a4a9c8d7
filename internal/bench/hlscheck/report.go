// Package hlscheck walks a live stream over HTTP as a low-latency HLS player would, and tells of each clause of RFC 8216bis how often it
// was looked at and where it was broken. It is strict: what the document only recommends is asked for, too, where players suffer without.
package hlscheck

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// Clause is one thing that must hold, by its section of RFC 8216bis.
type Clause struct{ Section, Text string }

// Finding is what came out for a clause.
type Finding struct {
	Clause
	Checked, Broken int
	// Examples are the first places where it was broken.
	Examples []string
}

const mostExamples = 3

// Report collects findings. Its methods may be called from any goroutine.
type Report struct {
	mu       sync.Mutex
	findings map[Clause]*Finding
}

func newReport() *Report { return &Report{findings: map[Clause]*Finding{}} }

// check notes whether a clause holds in one place.
func (r *Report) check(c Clause, holds bool, where string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.findings[c]
	if f == nil {
		f = &Finding{Clause: c}
		r.findings[c] = f
	}
	f.Checked++
	if holds {
		return
	}
	if f.Broken++; len(f.Examples) < mostExamples {
		f.Examples = append(f.Examples, fmt.Sprintf(where, args...))
	}
}

// Findings are all of them, in order of their sections.
func (r *Report) Findings() []Finding {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []Finding
	for _, f := range r.findings {
		all = append(all, *f)
	}
	slices.SortFunc(all, func(a, b Finding) int {
		if c := strings.Compare(a.Section, b.Section); c != 0 {
			return c
		}
		return strings.Compare(a.Text, b.Text)
	})
	return all
}

// Broken counts the clauses that did not hold.
func (r *Report) Broken() (n int) {
	for _, f := range r.Findings() {
		if f.Broken > 0 {
			n++
		}
	}
	return n
}

// Print writes the report for people.
func (r *Report) Print(w io.Writer) {
	for _, f := range r.Findings() {
		mark := "ok    "
		if f.Broken > 0 {
			mark = "BROKEN"
		}
		fmt.Fprintf(w, "%s  %-9s %s (%d checks", mark, f.Section, f.Text, f.Checked)
		if f.Broken > 0 {
			fmt.Fprintf(w, ", %d broken", f.Broken)
		}
		fmt.Fprintln(w, ")")
		for _, e := range f.Examples {
			fmt.Fprintf(w, "                    %s\n", e)
		}
	}
}
