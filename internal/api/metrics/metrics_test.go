package metrics

import (
	"encoding/json"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/server/call"
	"github.com/tuttilive/tutti/internal/server/livekit"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/turn"
	"github.com/tuttilive/tutti/internal/webhook"
)

// gathered is what a scrape gives of one metric.
type gathered struct {
	name      string
	histogram bool
	labels    []string
}

// gather asks for all metrics of a server in which not much is going on.
func gather(t *testing.T) (all []gathered) {
	t.Helper()
	house := studio.NewHouse(studio.Options{Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(house.Close)
	once := map[string]uint64{"one": 1}
	families, err := Registry(Sources{
		Version: "test", House: house,
		RTC: func() rtc.Stats {
			return rtc.Stats{Shards: []rtc.ShardStats{{Dropped: once}}, Peers: map[string]int{"udp": 1}, Ended: once}
		},
		Rooms:    func() livekit.Stats { return livekit.Stats{Joins: once, Ended: once} },
		Relay:    func() turn.Stats { return turn.Stats{Refused: map[string]uint64{"one": 1}} },
		Calls:    func() call.Stats { return call.Stats{} },
		Webhooks: func() []webhook.Stats { return []webhook.Stats{{Receiver: "one"}, {Receiver: "one"}} },
		Workers:  func() int { return 0 }, Store: func() uint64 { return 0 },
		Connections: limit.NewConnections(0),
		Requests:    func() map[string]uint64 { return once }, Refusals: func() map[string]uint64 { return once },
	}).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		g := gathered{name: f.GetName(), histogram: f.GetType().String() == "HISTOGRAM"}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				g.labels = append(g.labels, l.GetName())
			}
		}
		all = append(all, g)
	}
	return all
}

// names are all names that a query may use: also those that a histogram is made of.
func names(t *testing.T) map[string]bool {
	known := map[string]bool{"up": true} // which Prometheus adds
	for _, f := range gather(t) {
		known[f.name] = true
		if f.histogram {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				known[f.name+suffix] = true
			}
		}
	}
	for _, d := range catalogue { // some are not there while nobody watches
		known[nameOf(d.String())] = true
	}
	return known
}

var quoted = regexp.MustCompile(`fqName: "([a-z_]+)"`)

func nameOf(desc string) string { return quoted.FindStringSubmatch(desc)[1] }

// used are the names of metrics in a query.
func used(query string) []string {
	var found []string
	query = regexp.MustCompile(`"[^"]*"`).ReplaceAllString(query, "")
	query = regexp.MustCompile(`\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)`).ReplaceAllString(query, "")
	query = regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(query, "")
	query = regexp.MustCompile(`\[[^\]]*\]`).ReplaceAllString(query, "")
	for _, match := range regexp.MustCompile(`[a-zA-Z_][a-zA-Z0-9_]*\s*\(?`).FindAllString(query, -1) {
		name := strings.TrimSpace(match)
		if strings.HasSuffix(name, "(") || slices.Contains([]string{"and", "or", "unless", "bool"}, name) {
			continue
		}
		found = append(found, name)
	}
	return found
}

func TestAQuerysMetricsAreFound(t *testing.T) {
	const query = `sum by (instance, le) (rate(tutti_a_bucket{door=~"b|c"}[5m])) / (tutti_d > 0.5 and up)`
	if got := strings.Join(used(query), " "); got != "tutti_a_bucket tutti_d up" {
		t.Errorf("found %s", got)
	}
}

func TestEveryMetricIsExplained(t *testing.T) {
	text, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range catalogue {
		if name := nameOf(d.String()); !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/operations.md does not explain %s", name)
		}
	}
	known := names(t)
	for _, name := range regexp.MustCompile("`(tutti_[a-z_]+)`").FindAllStringSubmatch(string(text), -1) {
		if !known[name[1]] {
			t.Errorf("docs/operations.md explains %s, which there is not", name[1])
		}
	}
}

func TestTheDashboardAsksForWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("../../../deploy/monitoring/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Type    string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	known := names(t)
	asked := 0
	for _, p := range dashboard.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			for _, name := range used(target.Expr) {
				asked++
				if !known[name] {
					t.Errorf("panel %q asks for %s, which there is not", p.Title, name)
				}
			}
		}
	}
	if asked < 40 {
		t.Errorf("the dashboard asks for %d metrics only", asked)
	}
}

func TestAlertsAskForWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("../../../deploy/monitoring/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	known := names(t)
	rules := strings.Split(string(text), "- alert: ")[1:]
	if len(rules) < 10 {
		t.Fatalf("%d rules", len(rules))
	}
	for _, rule := range rules {
		name, rest, _ := strings.Cut(rule, "\n")
		_, expr, ok := strings.Cut(rest, "expr:")
		if !ok {
			t.Errorf("%s has no expression", name)
		}
		for _, end := range []string{"\n        for:", "\n        labels:"} {
			expr, _, _ = strings.Cut(expr, end)
		}
		for _, metric := range used(strings.TrimPrefix(strings.TrimSpace(expr), "|")) {
			if !known[metric] {
				t.Errorf("%s asks for %s, which there is not", name, metric)
			}
		}
		if !strings.Contains(string(doc), "`"+name+"`") {
			t.Errorf("docs/operations.md does not say what to do about %s", name)
		}
	}
}

func TestNoLabelHasManyValues(t *testing.T) {
	for _, f := range gather(t) {
		for _, label := range f.labels {
			switch label {
			case "room", "participant", "identity", "track", "name", "address":
				t.Errorf("%s has a label %s", f.name, label)
			}
		}
	}
}
