package push

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/dial"
)

func TestTargetsAreTakenApart(t *testing.T) {
	for _, c := range []struct {
		target Target
		want   place // but for what is shown of it
		shown  string
	}{
		{Target{URL: "rtmp://a.example/live/key"}, &rtmpPlace{host: "a.example:1935", app: "live", stream: "key"}, "rtmp://a.example/live/•••"},
		{Target{URL: "rtmps://a.example:1936/x/y/key?a=1&b=2"}, &rtmpPlace{secure: true, host: "a.example:1936", app: "x/y", stream: "key?a=1&b=2"}, "rtmps://a.example:1936/x/y/•••"},
		{Target{URL: "rtmps://live.example/app", Key: "key"}, &rtmpPlace{secure: true, host: "live.example:443", app: "app", stream: "key"}, "rtmps://live.example/app/•••"},
		// As some platforms have it: the key is a query.
		{Target{URL: "rtmp://push.example/live-bvc/", Key: "?streamname=live_1&key=abc"}, &rtmpPlace{host: "push.example:1935", app: "live-bvc", stream: "?streamname=live_1&key=abc"}, "rtmp://push.example/live-bvc/•••"},
		{Target{URL: "rtmp://[2001:db8::1]/live/key"}, &rtmpPlace{host: "[2001:db8::1]:1935", app: "live", stream: "key"}, "rtmp://[2001:db8::1]/live/•••"},
		{Target{URL: "srt://a.example:9000?streamid=publish%3Ax&passphrase=0123456789&latency=300&mode=caller"},
			&srtPlace{host: "a.example", port: "9000", streamID: "publish:x", passphrase: "0123456789", latency: 300 * time.Millisecond}, "srt://a.example:9000"},
		{Target{URL: "srt://[2001:db8::1]:9000", Key: "#!::r=x,m=publish"}, &srtPlace{host: "2001:db8::1", port: "9000", streamID: "#!::r=x,m=publish"}, "srt://[2001:db8::1]:9000"},
		{Target{URL: "https://a.example/whip/secret?x=1", Key: "token"}, &whipPlace{token: "token"}, "https://a.example/•••"},
	} {
		p, err := c.target.place()
		switch p := p.(type) {
		case *rtmpPlace:
			p.name, p.tcURL = "", ""
		case *whipPlace:
			p.endpoint = nil
		}
		if err != nil || !reflect.DeepEqual(p, c.want) {
			t.Errorf("%+v is %+v, %v", c.target, p, err)
		}
		if got := c.target.address(); got != c.shown {
			t.Errorf("shown as %s, want %s", got, c.shown)
		}
	}
	for _, url := range []string{
		"", "rtmp://", "rtmp://host/app", "rtmp://host//", "ftp://host/app/key", "rtmp://user:pw@host/app/key", "rtmp://host/app/a b", "rtmp://host/app/" + strings.Repeat("x", maxURL),
		"srt://host", "srt://host:1/path", "srt://host:1?passphrase=short", "srt://host:1?latency=x", "srt://host:1?mode=listener", "srt://host:1?streamid=" + strings.Repeat("x", 513),
		"https://host", "https://host/", "https://u:p@host/whip", "https://host/whip#x",
	} {
		if _, err := (Target{URL: url}).place(); !errors.Is(err, ErrTarget) {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestErrorsDoNotTellTheKey(t *testing.T) {
	const said = "no live_1 in ?streamname=live_1&key=abcdef, live_1?key=abcdef with 0123456789, nor in /abcdef/whip?k=live_1 with token"
	for _, c := range []struct {
		target Target
		want   string
	}{
		{Target{URL: "rtmp://a.example/app", Key: "?streamname=live_1&key=abcdef"}, "no ••• in •••, •••?key=••• with 0123456789, nor in /•••/whip?k=••• with token"},
		{Target{URL: "srt://a.example:1?streamid=live_1%3Fkey%3Dabcdef&passphrase=0123456789"}, "no live_1 in ?streamname=live_1&key=•••, ••• with •••, nor in /•••/whip?k=live_1 with token"},
		{Target{URL: "https://a.example/abcdef/whip?k=live_1", Key: "token"}, "no ••• in ?streamname=•••&key=•••, •••?key=••• with 0123456789, nor in ••• with •••"},
	} {
		p, err := c.target.place()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := dial.WithoutSecrets(dial.Denial{Code: "Rejected", Words: said}, p.secrets()), "the server refuses: Rejected "+c.want; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
