package push

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/tuttilive/tutti/internal/dial"
	"github.com/tuttilive/tutti/internal/store"
)

func keeping(t *testing.T) (*Pusher, *store.Bucket[[]Target]) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	targets, err := store.OpenBucket[[]Target](st, "push")
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Dialer: dial.New(nil), Targets: targets, Log: log}), targets
}

func ref[T any](v T) *T { return &v }

func TestOperatorsAloneChooseSRTAndWHIP(t *testing.T) {
	p, _ := keeping(t)
	for url, forOperators := range map[string]bool{"srt://h:1": true, "HTTPS://h/whip": true, " http://h/whip": true, "rtmp://h/a/http:": false, "rtmps://h/a/b": false} {
		_, err := p.Add("tea", Change{URL: &url}, false)
		if forOperators != errors.Is(err, ErrOperators) || !forOperators && err != nil {
			t.Errorf("a host adds %q: %v", url, err)
		}
		if st, err := p.Add("tea", Change{URL: &url}, true); err != nil || !st.Operator {
			t.Errorf("an operator adds %q: %+v, %v", url, st, err)
		}
	}
	st, err := p.Add("tea", Change{URL: ref("rtmp://h/a/b")}, false)
	if err != nil || st.Operator {
		t.Fatalf("%+v, %v", st, err)
	}
	if _, err := p.Set("tea", st.ID, Change{URL: ref("srt://h:1")}, false); !errors.Is(err, ErrOperators) {
		t.Errorf("a host makes a target one over SRT: %v", err)
	}
}

// TestHostsDoNotReachAnOperatorsTarget: with its key, a host could have it send to another server, or keep it from being sent to at all.
func TestHostsDoNotReachAnOperatorsTarget(t *testing.T) {
	p, _ := keeping(t)
	st, err := p.Add("tea", Change{URL: ref("rtmp://h/a/b"), Key: ref("")}, true)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Change{"address": {URL: ref("rtmp://other/a/b")}, "key": {Key: ref("x")}, "switch": {Enabled: ref(false)}, "name": {Name: ref("mine")}, "nothing": {}} {
		if _, err := p.Set("tea", st.ID, c, false); !errors.Is(err, ErrNotYours) {
			t.Errorf("a host changes its %s: %v", name, err)
		}
	}
	if err := p.Remove("tea", st.ID, false); !errors.Is(err, ErrNotYours) {
		t.Errorf("a host removes it: %v", err)
	}
	hosts, err := p.Add("tea", Change{URL: ref("rtmp://h/a/c")}, false)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := p.Set("tea", hosts.ID, Change{Enabled: ref(false)}, true); err != nil || st.Operator {
		t.Errorf("an operator switches a host's off, and has it then: %+v, %v", st, err)
	}
	if _, err := p.Set("tea", hosts.ID, Change{Enabled: ref(true)}, false); err != nil {
		t.Errorf("the host switches it on again: %v", err)
	}
	if st, err := p.Set("tea", hosts.ID, Change{URL: ref("rtmp://h/a/d")}, true); err != nil || !st.Operator {
		t.Errorf("an operator gives it another address: %+v, %v", st, err)
	}
	if list, err := p.Of("tea"); err != nil || len(list) != 2 || list[0].Address != "rtmp://h/a/"+dial.Hidden || !list[0].Enabled {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestWhatHostsChoseBeforeIsNotSentTo has targets from before they were for operators.
func TestWhatHostsChoseBeforeIsNotSentTo(t *testing.T) {
	p, kept := keeping(t)
	var told bytes.Buffer
	p.log = slog.New(slog.NewTextHandler(&told, nil))
	old := []Target{{ID: "off", URL: "srt://h:2"}, {ID: "one", URL: "srt://h:1", Enabled: true}, {ID: "two", URL: "https://h/whip", Enabled: true}, {ID: "three", URL: "rtmp://h/a/b", Enabled: true}}
	if err := kept.Put("tea", old); err != nil {
		t.Fatal(err)
	}
	list, err := p.Of("tea")
	if err != nil {
		t.Fatal(err)
	}
	p.warn()
	if text := told.String(); strings.Count(text, "level=WARN") != 2 || !strings.Contains(text, "room=tea target=one ") || !strings.Contains(text, "room=tea target=two ") {
		t.Errorf("the log says %s", text)
	}
	for i, st := range list {
		_, wanted := old[i].wanted()
		if is := i == 3; wanted != is || (st.Error == "") != is {
			t.Errorf("%s is sent to: %v, and shown as %+v", old[i].URL, wanted, st)
		}
	}
	if _, err := p.Set("tea", "one", Change{Enabled: ref(true)}, false); !errors.Is(err, ErrOperators) {
		t.Errorf("a host switches it on: %v", err)
	}
	if err := p.Remove("tea", "two", false); err != nil {
		t.Errorf("a host removes it: %v", err)
	}
	if st, err := p.Set("tea", "one", Change{Enabled: ref(true)}, true); err != nil || st.Error != "" || !st.Operator {
		t.Errorf("an operator takes it over: %+v, %v", st, err)
	}
}
