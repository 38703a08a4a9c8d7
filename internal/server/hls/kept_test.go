package hls

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/media"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// overTCP is a door behind a real HTTP server, which also answers what is not for the door.
type overTCP struct {
	*Server
	house *fakeHouse
	addr  string
	// asked are requests that the HTTP server answered, returned those connections that came back to it.
	asked, returned atomic.Int64
	held            *limit.Connections
}

type queueOfConns struct {
	net.Listener
	conns chan net.Conn
	done  chan struct{}
}

func (q *queueOfConns) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.done:
		return nil, net.ErrClosed
	}
}
func (q *queueOfConns) Close() error { return nil }

func serveOverTCP(t testing.TB) *overTCP {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &overTCP{addr: l.Addr().String(), held: limit.NewConnections(0)}
	back := &queueOfConns{l, make(chan net.Conn), make(chan struct{})}
	s, h := doorThatGivesBack(t, func(c net.Conn) {
		o.returned.Add(1)
		select {
		case back.conns <- c:
		case <-back.done:
			c.Close()
		}
	})
	o.Server, o.house = s, h
	if s.lanes == nil {
		t.Skip("connections are not kept here")
	}
	srv := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.asked.Add(1)
		w.Header().Set("Referrer-Policy", "no-referrer") // as a guard would
		if r.Host == "evil.example" {
			w.WriteHeader(http.StatusMisdirectedRequest)
		} else if strings.HasPrefix(r.URL.Path, "/live/") {
			s.ServeHTTP(w, r)
		} else {
			io.WriteString(w, "not media")
		}
	})}
	go srv.Serve(o.held.Listen(l))
	go srv.Serve(back)
	t.Cleanup(func() { close(back.done); srv.Close() })
	return o
}

// player is one connection.
type player struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func (o *overTCP) connect(t testing.TB) *player {
	conn, err := net.Dial("tcp", o.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &player{t, conn, bufio.NewReader(conn)}
}

func (p *player) ask(path string, fields ...string) {
	p.t.Helper()
	text := "GET " + path + " HTTP/1.1\r\nHost: here\r\nUser-Agent: player\r\n"
	for _, f := range fields {
		text += f + "\r\n"
	}
	if _, err := io.WriteString(p.conn, text+"\r\n"); err != nil {
		p.t.Fatal(err)
	}
}

func (p *player) hear() (*http.Response, []byte) {
	p.t.Helper()
	resp, err := http.ReadResponse(p.in, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp, body
}

func (p *player) get(path string, fields ...string) (*http.Response, []byte) {
	p.t.Helper()
	p.ask(path, fields...)
	return p.hear()
}

// TestKeptConnectionsAnswerAsTheHTTPServerDoes asks for everything twice on one connection and compares with what the handler answers.
func TestKeptConnectionsAnswerAsTheHTTPServerDoes(t *testing.T) {
	o := serveOverTCP(t)
	_, folder := on(t, o.Server, o.house, "show")
	p := o.connect(t)
	p.get(folder + "video.m3u8") // counts, and is taken over
	before := o.asked.Load()
	for _, name := range []string{"video.m3u8", "video.m3u8?_HLS_skip=YES", "audio.m3u8?_HLS_msn=0&_HLS_part=0", "video-init0.mp4", "audio-0.m4s", "video-0.m4s", "video-0.0.m4s", "video-99.m4s", "subtitles.m3u8", "video.m3u8?_HLS_part=0&_HLS_msn=0", "video.m3u8?_HLS_msn=900"} {
		for _, encoding := range []string{"identity", "gzip, deflate"} {
			handler := func() *httptest.ResponseRecorder {
				return get(o.Server, folder+name, "Accept-Encoding", encoding, "User-Agent", "player", "From", "127.0.0.1:9")
			}
			want := handler()
			resp, body := p.get(folder+name, "Accept-Encoding: "+encoding)
			if !bytes.Equal(body, want.Body.Bytes()) {
				want = handler() // the muxer added something in between
			}
			if resp.StatusCode != want.Code || !bytes.Equal(body, want.Body.Bytes()) {
				t.Errorf("%s (%s): %s, %d bytes; want %d, %d", name, encoding, resp.Status, len(body), want.Code, want.Body.Len())
			}
			fields := want.Header()
			fields.Set("Referrer-Policy", "no-referrer")
			fields.Set("Content-Length", fmt.Sprint(want.Body.Len()))
			fields.Set("Date", resp.Header.Get("Date"))
			if !maps.EqualFunc(resp.Header, fields, slices.Equal[[]string]) {
				t.Errorf("%s (%s): the header is %v, want %v", name, encoding, resp.Header, fields)
			}
			if _, err := http.ParseTime(resp.Header.Get("Date")); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if n := o.asked.Load() - before; n != 0 {
		t.Errorf("the HTTP server was asked %d times", n)
	}
}

func TestWhatIsNotSimplyMediaGoesBack(t *testing.T) {
	o := serveOverTCP(t)
	_, folder := on(t, o.Server, o.house, "show")
	p := o.connect(t)
	p.get(folder + "video.m3u8")
	tag := ""
	for i, c := range []struct {
		path   string
		fields []string
		status int
	}{
		{"/else", nil, 200},
		{"/live/show/index.m3u8", nil, 200},
		{folder + "video-0.m4s", []string{"If-None-Match: TAG"}, 304},
		{folder + "video-0.m4s", []string{"Range: bytes=0-"}, 200}, // stays
		{folder + "video-0.m4s", []string{"Range: bytes=2-5"}, 206},
		{folder + "video-0.m4s", []string{"X-Forwarded-For: 192.0.2.1"}, 200},
		{folder + "video-0.m4s", []string{"Content-Length: 0"}, 200},
		{strings.Replace(folder, "show", "sh%6Fw", 1) + "video-0.m4s", nil, 200},
		{"/live/show/nothing/video-0.m4s", nil, 404},
		{folder + "video-0.m4s", []string{"X-Long: " + strings.Repeat("x", 20_000)}, 200},
	} {
		for j := range c.fields {
			c.fields[j] = strings.Replace(c.fields[j], "TAG", tag, 1)
		}
		resp, _ := p.get(c.path, c.fields...)
		if resp.StatusCode != c.status {
			t.Errorf("%d: %s %v: %s", i, c.path, c.fields, resp.Status)
		}
		resp, body := p.get(folder + "video-0.m4s") // and on
		if tag = resp.Header.Get("Etag"); resp.StatusCode != 200 || len(body) == 0 {
			t.Errorf("after %d: %s", i, resp.Status)
		}
	}
	if o.returned.Load() == 0 {
		t.Error("no connection went back")
	}
	// Another name for the server, and another page, are looked at by the HTTP server.
	for _, text := range []string{"GET " + folder + "video-0.m4s HTTP/1.1\r\nHost: evil.example\r\n\r\n"} {
		io.WriteString(p.conn, text)
		if resp, _ := p.hear(); resp.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("%s: %s", text, resp.Status)
		}
	}
}

// TestWhatWouldOnlyGoBackIsNotTakenOver asks in ways that are not read on kept connections, and counts how often one goes to and fro.
func TestWhatWouldOnlyGoBackIsNotTakenOver(t *testing.T) {
	o := serveOverTCP(t)
	_, folder := on(t, o.Server, o.house, "show")
	for _, field := range []string{"Connection: keep-alive, TE", "X_Name: x", "Content-Length: 0", "If-None-Match:", "X-Long: " + strings.Repeat("x", requestSize)} {
		p := o.connect(t)
		for range 3 {
			if resp, _ := p.get(folder+"video.m3u8", field); resp.StatusCode != 200 {
				t.Errorf("%.40s: %s", field, resp.Status)
			}
		}
		if n := o.returned.Load(); n != 0 || o.connections() != 0 {
			t.Fatalf("%.40s: it went back %d times", field, n)
		}
	}
	p := o.connect(t)
	for range 5 {
		p.get(folder + "video.m3u8")
		p.get("/else")
	}
	if n := o.returned.Load(); n != maxReturns {
		t.Errorf("a connection went back %d times", n)
	}
}

func TestRequestsThatComeTogetherAreAnsweredInTurn(t *testing.T) {
	o := serveOverTCP(t)
	_, folder := on(t, o.Server, o.house, "show")
	p := o.connect(t)
	names := []string{folder + "video.m3u8", folder + "video-0.m4s", "/else", folder + "audio-0.m4s", folder + "audio.m3u8"}
	text := ""
	for _, n := range names {
		text += "GET " + n + " HTTP/1.1\r\nHost: here\r\nUser-Agent: player\r\n\r\n"
	}
	for range 3 {
		io.WriteString(p.conn, text[:len(text)-7])
		kinds := ""
		for i := range names {
			if i == len(names)-1 {
				io.WriteString(p.conn, text[len(text)-7:])
			}
			resp, _ := p.hear()
			kinds += resp.Header.Get("Content-Type")[:5] + " "
		}
		if kinds != "appli video text/ audio appli " {
			t.Errorf("the answers are %s", kinds)
		}
	}
}

// TestWhoWaitsIsAnsweredWithThePart has many players wait for the next part, without a goroutine for each.
func TestWhoWaitsIsAnsweredWithThePart(t *testing.T) {
	o := serveOverTCP(t)
	prog, folder := on(t, o.Server, o.house, "show")
	const players = 200
	var all []*player
	for range players {
		p := o.connect(t)
		p.get(folder + "video.m3u8")
		all = append(all, p)
	}
	list := o.programs[any(prog)].stream.Load().Snapshot().Playlist("video.m3u8")
	_, uri, _ := strings.Cut(string(slices.Concat(list.Full().Body...)), `TYPE=PART,URI="video-`)
	var msn, part int
	if _, err := fmt.Sscanf(uri, "%d.%d.m4s", &msn, &part); err != nil {
		t.Fatal(err)
	}
	for i, p := range all {
		if i%2 == 0 {
			p.ask(fmt.Sprintf("%svideo.m3u8?_HLS_msn=%d&_HLS_part=%d", folder, msn, part))
		} else {
			p.ask(fmt.Sprintf("%svideo-%d.%d.m4s", folder, msn, part))
		}
	}
	waiting := func() (n int) {
		for _, l := range o.lanes.list {
			l.mu.Lock()
			for _, q := range l.queues {
				n += len(q.waiting)
			}
			l.mu.Unlock()
		}
		return n
	}
	for until := time.Now().Add(patience); waiting() < players; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%d wait", waiting())
		}
	}
	if n := runtime.NumGoroutine(); n > players/2 {
		t.Errorf("%d goroutines", n)
	}
	all[0].conn.Close() // one leaves
	prog.pictures(6, 8)
	for i, p := range all[1:] {
		resp, body := p.hear()
		if resp.StatusCode != 200 || len(body) == 0 {
			t.Fatalf("player %d: %s", i, resp.Status)
		}
	}
}

// waiting waits until so many wait, and gives for how long they are to.
func (o *overTCP) waiting(t *testing.T, want int, wait time.Duration) {
	t.Helper()
	for until := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		n := 0
		for _, l := range o.lanes.list {
			l.mu.Lock()
			for _, q := range l.queues {
				for _, k := range q.waiting {
					k.asks.until = time.Now().Add(wait)
					n++
				}
			}
			l.mu.Unlock()
		}
		if n == want {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("%d wait", n)
		}
	}
}

func (o *overTCP) connections() (n int) {
	for _, l := range o.lanes.list {
		l.mu.Lock()
		n += len(l.conns)
		l.mu.Unlock()
	}
	return n
}

// TestWhoHangsUpWhileWaitingIsLetGo lets some go who wait, with and without something unread behind what they asked for.
func TestWhoHangsUpWhileWaitingIsLetGo(t *testing.T) {
	o := serveOverTCP(t)
	prog, folder := on(t, o.Server, o.house, "show")
	next := folder + "video.m3u8?_HLS_msn=3"
	var all []*player
	for i := range 40 {
		p := o.connect(t)
		p.get(folder + "video.m3u8")
		p.ask(next)
		if all = append(all, p); i%2 == 0 {
			p.ask(folder + "video.m3u8") // which is no sign that somebody hung up
		}
	}
	o.waiting(t, len(all), time.Hour)
	for _, p := range all[2:] {
		p.conn.Close()
	}
	for until := time.Now().Add(patience); o.connections() > 2; time.Sleep(time.Millisecond) {
		if o.lanes.expire(time.Now().Add(2 * unseen)); time.Now().After(until) {
			t.Fatalf("%d connections are still there", o.connections())
		}
	}
	prog.pictures(6, 4)
	for _, p := range all[:2] {
		if resp, body := p.hear(); resp.StatusCode != 200 || len(body) == 0 {
			t.Errorf("who stayed hears %s", resp.Status)
		}
	}
	if resp, _ := all[0].hear(); resp.StatusCode != 200 {
		t.Errorf("what was asked for behind it: %s", resp.Status)
	}
}

// TestAPanicEndsOneConnection breaks answers of each kind.
func TestAPanicEndsOneConnection(t *testing.T) {
	o := serveOverTCP(t)
	prog, folder := on(t, o.Server, o.house, "show")
	ends := func(p *player) {
		t.Helper()
		// Where something was left unread, the other side is told by a reset.
		if _, err := io.Copy(io.Discard, p.in); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the connection does not end: %v", err)
		}
	}
	first, asks, waits, other := o.connect(t), o.connect(t), o.connect(t), o.connect(t)
	for _, p := range []*player{asks, waits, other} {
		p.get(folder + "video.m3u8")
	}
	waits.ask(folder + "video.m3u8?_HLS_msn=3")
	o.waiting(t, 1, time.Hour)
	prog.broken.Store(true)
	first.ask(folder + "video.m3u8")
	ends(first)
	asks.ask(folder + "video.m3u8")
	ends(asks)
	prog.pictures(6, 4)
	ends(waits)
	prog.broken.Store(false)
	if resp, _ := other.get(folder + "video.m3u8"); resp.StatusCode != 200 {
		t.Errorf("another player hears %s", resp.Status)
	}
	if n := o.connections(); n != 1 {
		t.Errorf("%d connections are kept", n)
	}
	// A program of which there is nothing yet is no reason to panic.
	o.Server.mu.Lock()
	o.broadcasts["nothing"] = &broadcast{id: "nothing", room: "show"}
	o.Server.mu.Unlock()
	if resp, _ := other.get("/live/show/nothing/video-0.m4s"); resp.StatusCode != 404 {
		t.Errorf("a program without a stream: %s", resp.Status)
	}
}

// TestScribesHoldNothing holds that what was sent is not kept from being forgotten.
func TestScribesHoldNothing(t *testing.T) {
	o := serveOverTCP(t)
	_, folder := on(t, o.Server, o.house, "show")
	p := o.connect(t)
	p.get(folder + "video.m3u8")
	p.get(folder + "video-0.m4s")
	o.Server.Close() // nobody uses them any more
	for _, l := range o.lanes.list {
		for _, piece := range l.scribe.pieces[:cap(l.scribe.pieces)] {
			if piece != nil {
				t.Errorf("a scribe holds %d bytes", len(piece))
			}
		}
	}
}

// TestASlowReaderGetsAllOfIt asks for more than the connection takes at once.
func TestASlowReaderGetsAllOfIt(t *testing.T) {
	o := serveOverTCP(t)
	prog := o.house.goLive("show")
	answered := make(chan string, 1)
	go func() { answered <- get(o.Server, "/live/show/index.m3u8").Body.String() }()
	big := bytes.Repeat([]byte{0x55}, 3<<20)
	for i := range 6 {
		payload := append([]byte{byte((len(big) + 1) >> 24), byte((len(big) + 1) >> 16), byte((len(big) + 1) >> 8), byte(len(big) + 1), 0x65}, big...)
		at := time.Duration(i) * time.Second
		prog.frames <- &media.Frame{Format: wide, Payload: payload, PTS: at, DTS: at, Keyframe: i%2 == 0}
	}
	text := <-answered
	i := strings.Index(text, "\n"+o.programs[any(prog)].id)
	if i < 0 {
		t.Fatalf("index: %s", text)
	}
	folder := "/live/show/" + o.programs[any(prog)].id + "/"
	p := o.connect(t)
	p.conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	p.get(folder + "audio.m3u8")
	want := get(o.Server, folder+"video-0.m4s").Body.Bytes()
	for range 2 {
		p.ask(folder + "video-0.m4s")
		p.ask(folder + "video-init0.mp4") // comes while the first is being written
		if resp, body := p.hear(); resp.StatusCode != 200 || !bytes.Equal(body, want) || len(want) < 3<<20 {
			t.Fatalf("%s: %d bytes of %d", resp.Status, len(body), len(want))
		}
		if resp, body := p.hear(); resp.StatusCode != 200 || len(body) == 0 {
			t.Fatalf("after it: %s", resp.Status)
		}
	}
}

func TestIdleAndClosedConnectionsEnd(t *testing.T) {
	o := serveOverTCP(t)
	_, folder := on(t, o.Server, o.house, "show")
	idle, waits := o.connect(t), o.connect(t)
	idle.get(folder + "video.m3u8")
	if n := o.held.Taken(); n != 2 || o.connections() != 1 {
		t.Errorf("%d connections have a place, %d are kept", n, o.connections())
	}
	o.lanes.expire(time.Now().Add(idleTimeout + 2*time.Second))
	if _, err := idle.in.ReadByte(); err != io.EOF {
		t.Errorf("an idle connection: %v", err)
	}
	waits.get(folder + "video.m3u8")
	waits.ask(folder + "video.m3u8?_HLS_msn=3")
	o.Server.Close()
	if _, err := waits.in.ReadByte(); err == nil {
		t.Error("a connection outlives the door")
	}
	if n := o.held.Taken(); n != 0 {
		t.Errorf("%d have a place in the end", n)
	}
}

// TestWhoAsksIsToldApart by all that those look at who guard the server.
func TestWhoAsksIsToldApart(t *testing.T) {
	t.Parallel()
	seen := map[uint64]string{}
	for _, fields := range []string{
		"", "Origin: https://a\r\n", "Origin: https://b\r\n", "Referer: https://a\r\n", "Sec-Fetch-Site: cross-site\r\n", "Sec-Fetch-Site: same-origin\r\n",
		"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: document\r\n",
	} {
		r, _, ok := parseRequest([]byte("GET /a HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n"))
		if other, is := seen[r.from]; !ok || is {
			t.Errorf("%q is %q", fields, other)
		}
		seen[r.from] = fields
	}
}

// FuzzRequest holds that what is read here is what the library reads.
func FuzzRequest(f *testing.F) {
	for _, text := range []string{
		"GET /live/a/b/c.m3u8?_HLS_msn=1 HTTP/1.1\r\nHost: h\r\nUser-Agent: x\r\nAccept-Encoding: gzip\r\n\r\nGET",
		"GET /a HTTP/1.1\r\nhost:h\r\n\r\n", "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET /a HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
		"GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde", "GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n", "POST /a HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /a HTTP/1.0\r\nHost: h\r\n\r\n", "GET /a HTTP/1.1\nHost: h\n\n", "GET /%zz HTTP/1.1\r\nHost: h\r\nOrigin: https://o\r\nReferer: r\r\nSec-Fetch-Site: none\r\nsec-fetch-dest: video\r\n\r\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, size, ok := parseRequest(b)
		if !ok {
			return
		}
		in := bufio.NewReader(bytes.NewReader(b))
		want, err := http.ReadRequest(in)
		if err != nil {
			// It refuses some names of hosts and some escapes, which do no harm here: neither is looked at again.
			return
		}
		if left := in.Buffered(); len(b) <= 4096 && size != len(b)-left || want.Method != "GET" || want.RequestURI != string(r.target) || want.ContentLength != 0 || len(want.TransferEncoding) > 0 {
			t.Fatalf("%q: %d bytes, %s; the library: %+v", b, size, r.target, want)
		}
		if len(b) < requestSize/2 && !isPlain(want) {
			t.Fatalf("%q would not be taken over", b)
		}
		twice := slices.ContainsFunc([]string{"Origin", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Dest"}, func(name string) bool { return len(want.Header[name]) > 1 })
		if !twice && introductionOf(want).hash() != r.from {
			t.Fatalf("%q introduces itself otherwise: %v", b, slices.Sorted(maps.Keys(want.Header)))
		}
	})
}

// TestALongAnswerIsNoIdleConnection: whoever takes a segment for minutes asks for nothing meanwhile.
func TestALongAnswerIsNoIdleConnection(t *testing.T) {
	t.Parallel()
	o := serveOverTCP(t)
	p, folder := on(t, o.Server, o.house, "show")
	at := 6 * time.Second
	big := append([]byte{0, 0, 0, 1, 0x65}, bytes.Repeat([]byte{0x55}, 14<<20)...) // more than the kernel's buffers hold
	p.frames <- &media.Frame{Format: wide, Payload: big, PTS: at, DTS: at, Keyframe: true}
	p.pictures(7, 6)
	x := o.connect(t)
	x.conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	x.get(folder + "video.m3u8")
	name, size := "", 0
	for began := time.Now(); size < len(big); {
		for n := range 12 {
			if one := fmt.Sprintf("%svideo-%d.m4s", folder, n); size < len(big) {
				name, size = one, get(o.Server, one).Body.Len()
			}
		}
		if time.Since(began) > patience {
			t.Fatal("there is no such segment")
		}
	}
	x.ask(name)
	io.ReadFull(x.in, make([]byte, 1)) // it has begun
	x.in.UnreadByte()
	o.lanes.expire(time.Now().Add(idleTimeout + 2*time.Second))
	if _, body := x.hear(); len(body) != size {
		t.Errorf("%d bytes of %d came", len(body), size)
	}
}
