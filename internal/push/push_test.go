package push

import (
	"errors"
	"strings"
	"testing"
)

func TestTargetsAreTakenApart(t *testing.T) {
	for _, c := range []struct {
		target      Target
		host        string
		app, stream string
		shown       string
	}{
		{Target{URL: "rtmp://a.example/live/key"}, "a.example:1935", "live", "key", "rtmp://a.example/live/•••"},
		{Target{URL: "rtmps://a.example:1936/x/y/key?a=1&b=2"}, "a.example:1936", "x/y", "key?a=1&b=2", "rtmps://a.example:1936/x/y/•••"},
		{Target{URL: "rtmps://live.example/app", Key: "key"}, "live.example:443", "app", "key", "rtmps://live.example/app/•••"},
		// As some platforms have it: the key is a query.
		{Target{URL: "rtmp://push.example/live-bvc/", Key: "?streamname=live_1&key=abc"}, "push.example:1935", "live-bvc", "?streamname=live_1&key=abc", "rtmp://push.example/live-bvc/•••"},
		{Target{URL: "rtmp://[2001:db8::1]/live/key"}, "[2001:db8::1]:1935", "live", "key", "rtmp://[2001:db8::1]/live/•••"},
	} {
		p, err := c.target.place()
		if err != nil || p.host != c.host || p.app != c.app || p.stream != c.stream {
			t.Errorf("%+v is %+v, %v", c.target, p, err)
		}
		if got := c.target.address(); got != c.shown {
			t.Errorf("shown as %s, want %s", got, c.shown)
		}
	}
	for _, url := range []string{"", "rtmp://", "rtmp://host/app", "rtmp://host//", "srt://host/app/key", "rtmp://user:pw@host/app/key", "rtmp://host/app/a b", "rtmp://host/app/" + strings.Repeat("x", maxURL)} {
		if _, err := (Target{URL: url}).place(); !errors.Is(err, ErrTarget) {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestErrorsDoNotTellTheKey(t *testing.T) {
	p, err := Target{URL: "rtmp://a.example/app", Key: "?streamname=live_1&key=abcdef"}.place()
	if err != nil {
		t.Fatal(err)
	}
	text := p.withoutSecret(refusal{"NetStream.Publish.Rejected", "no stream live_1 with abcdef in ?streamname=live_1&key=abcdef"})
	if strings.Contains(text, "abcdef") || strings.Contains(text, "live_1") || !strings.Contains(text, "NetStream.Publish.Rejected") {
		t.Error(text)
	}
}
