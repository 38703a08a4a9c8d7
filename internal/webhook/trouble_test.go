package webhook

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/address"
	"github.com/tuttilive/tutti/internal/dial"
)

func TestWhyAnEventWasNotTaken(t *testing.T) {
	hurry := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/gone":
			w.WriteHeader(http.StatusGone)
		case "/ill":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/slow":
			<-hurry
		case "/breaks":
			panic(http.ErrAbortHandler)
		}
	}))
	defer srv.Close()
	defer close(hurry)
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + nobody.Addr().String()
	nobody.Close()
	for _, c := range []struct {
		name, url string
		within    time.Duration
		reason    dial.Trouble
		code      string
	}{
		{"it is taken", srv.URL, time.Minute, "", ""},
		{"it is refused", srv.URL + "/gone", time.Minute, dial.Denied, "410"},
		{"the application is ill", srv.URL + "/ill", time.Minute, dial.Denied, "503"},
		{"there is no answer", srv.URL + "/slow", 50 * time.Millisecond, troubleSlow, ""},
		{"the connection ends without one", srv.URL + "/breaks", time.Minute, dial.Unreachable, ""},
		{"nobody is there", closed, time.Minute, dial.Unreachable, ""},
		{"it is speech of another kind", strings.Replace(srv.URL, "http:", "https:", 1), time.Minute, dial.Unreachable, ""},
		{"the address is not allowed", "http://169.254.1.1/hook", time.Minute, dial.Address, ""},
	} {
		n := New(Options{
			URLs: []string{c.url}, Keys: keys, Client: dial.New(address.Prefixes("127.0.0.0/8")).Client(c.within), Log: slog.New(slog.DiscardHandler),
		})
		n.RoomEvent(inRoom("hall"), joined("ann"))
		n.Close(t.Context()) // no attempt follows
		d := n.Deliveries()[0]
		if d.Reason != c.reason || d.Code != c.code || (d.Error == "") != (d.Reason == "") {
			t.Errorf("%s: %q %q, %q", c.name, d.Reason, d.Code, d.Error)
		}
	}
}
