package hlscheck

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/mux/hls/m3u8"
)

// Clauses of the multivariant playlist.
var (
	reachable = Clause{"6.2", "everything that is named can be had"}
	group     = Clause{"4.4.6.2", "the group that AUDIO names is there"}
	rates     = Clause{"4.4.6.2", "no segment is more than 10 % over BANDWIDTH, as the multivariant playlist says it then"}
	averages  = Clause{"4.4.6.2", "AVERAGE-BANDWIDTH is not over BANDWIDTH"}
	frames    = Clause{"4.4.6.2", "not more pictures come than FRAME-RATE says, by 20 %"}
)

// Options say how to walk.
type Options struct {
	// Duration is for how long.
	Duration time.Duration
	// Client makes the requests; a fresh one when nil. It must not compress by itself.
	Client *http.Client
	// Headers go with the first request: a credential.
	Headers []string
}

// walk is one walk along a stream.
type walk struct {
	client *http.Client
	index  string
	report *Report
	until  time.Time

	mu     sync.Mutex
	edges  map[string]edge // how far playlists were seen, by URI
	breaks breaks
	late   []time.Duration
}

type edge struct {
	msn  uint64
	part int
}

func (e edge) before(o edge) bool { return e.msn < o.msn || e.msn == o.msn && e.part < o.part }

// Result is what a walk tells.
type Result struct {
	*Report
	// Playlists are the names of those that were walked.
	Playlists []string
	// Late is how long after the time that the playlist gives for a part's end it was known to the player: median and worst.
	Late [2]time.Duration
}

// Walk follows all playlists that a multivariant playlist names. An error tells that it could not be walked at all; what is wrong on the
// way is in the report.
func Walk(ctx context.Context, address string, o Options) (*Result, error) {
	w := &walk{client: o.Client, index: address, report: newReport(), until: time.Now().Add(o.Duration), edges: map[string]edge{}, breaks: breaks{}}
	if w.client == nil {
		w.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true, ForceAttemptHTTP2: true}}
		defer w.client.CloseIdleConnections()
	}
	a, err := w.get(ctx, address, o.Headers...)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("%s answers %d: %.200s", address, a.status, a.body)
	}
	m, err := m3u8.ParseMultivariant(string(a.body))
	if err != nil {
		return nil, err
	}
	if len(m.Variants) == 0 {
		return nil, fmt.Errorf("%s names no variant", address)
	}
	names := w.lookAtIndex(m)
	var running sync.WaitGroup
	for _, name := range names {
		running.Go(func() {
			f := &follower{walk: w, name: name, others: len(names) - 1, headers: o.Headers, variant: variantOf(m, name)}
			if err := f.follow(ctx); err != nil && ctx.Err() == nil {
				w.report.check(reachable, false, "%s: %v", name, err)
			}
		})
	}
	running.Wait()
	r := &Result{Report: w.report, Playlists: names}
	if slices.Sort(w.late); len(w.late) > 0 {
		r.Late = [2]time.Duration{w.late[len(w.late)/2], w.late[len(w.late)-1]}
	}
	return r, nil
}

// lookAtIndex checks the multivariant playlist and gives the media playlists that it names.
func (w *walk) lookAtIndex(m *m3u8.Multivariant) (names []string) {
	add := func(uri string) {
		if uri != "" && !slices.Contains(names, uri) {
			names = append(names, uri)
		}
	}
	for _, v := range m.Variants {
		add(v.URI)
		found := v.Audio == "" || slices.ContainsFunc(m.Renditions, func(r m3u8.Rendition) bool { return r.Type == "AUDIO" && r.Group == v.Audio })
		w.report.check(group, found, "%s: %q", v.URI, v.Audio)
		w.report.check(averages, v.Average > 0 && v.Average <= v.Bandwidth, "%s: %d, %d", v.URI, v.Average, v.Bandwidth)
	}
	for _, r := range m.Renditions {
		add(r.URI)
	}
	return names
}

// variantOf is the variant of a playlist; nil for a rendition that is no variant.
func variantOf(m *m3u8.Multivariant, name string) *m3u8.Variant {
	for i := range m.Variants {
		if m.Variants[i].URI == name {
			return &m.Variants[i]
		}
	}
	return nil
}

// seen notes how far a playlist is, and checks what others say of it.
func (w *walk) seen(address string, m *m3u8.Media) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if msn, part, ok := m.Last(); ok {
		if e := (edge{msn, part}); w.edges[address].before(e) {
			w.edges[address] = e
		}
	}
}

// behind notes how late a part was.
func (w *walk) behind(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late = append(w.late, d)
}

// lookAtReports compares what a playlist says of others with what was seen of them before it was asked for.
func (w *walk) lookAtReports(name string, m *m3u8.Media, before map[string]edge) {
	for _, r := range m.Reports {
		address, err := relative(w.resolve(name), r.URI)
		if err != nil {
			continue
		}
		old, known := before[strings.SplitN(address, "?", 2)[0]]
		if !known {
			continue
		}
		// A report is made with its playlist, which may be a part old.
		said := edge{r.LastMSN, r.LastPart + 1 + int(m.Target/max(m.PartTarget, 1))}
		w.report.check(reportGrows, !said.before(old) || r.LastMSN+1 >= old.msn, "%s says %d.%d of %s, which was at %d.%d", name, r.LastMSN, r.LastPart, r.URI, old.msn, old.part)
	}
}

func (w *walk) known() map[string]edge {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := make(map[string]edge, len(w.edges))
	for k, v := range w.edges {
		m[k] = v
	}
	return m
}
