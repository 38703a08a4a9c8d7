package main

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestAlertsFindTheirFiguresFromTheStart looks in a server to which nobody has come for each figure that alerts name by a label. One that only
// appears with what it counts seems not to have grown by that.
func TestAlertsFindTheirFiguresFromTheStart(t *testing.T) {
	t.Parallel()
	rules, err := os.ReadFile("../../deploy/monitoring/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	r := start(t)
	req, err := http.NewRequest("GET", r.url("/metrics"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(devKeys.Key, devKeys.Secret)
	figures := string(fetch(t, req))
	asked := 0
	for _, m := range regexp.MustCompile(`(tutti_\w+)\{(\w+)=~?"([^"]*)"\}`).FindAllStringSubmatch(string(rules), -1) {
		for _, value := range strings.Split(m[3], "|") {
			asked++
			series := regexp.MustCompile(`(?m)^` + m[1] + `\{[^}]*\b` + m[2] + `="` + value + `"[^}]*\} \d`)
			if !series.MatchString(figures) {
				t.Errorf("there is no %s{%s=%q}", m[1], m[2], value)
			}
		}
	}
	if asked < 10 {
		t.Errorf("alerts name %d figures only", asked)
	}
}
