package hlsload

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/bench"
)

const patience = 20 * time.Second

// Counters are shared by all viewers. But for Failed and FirstFrame they count only while Measuring.
type Counters struct {
	Measuring atomic.Bool
	// Media are the bytes of parts and segments, Other those of playlists and heads.
	Media, Other, Requests atomic.Uint64
	// Stalls is how often a piece of the picture came so late that a player would have run dry.
	Stalls, Failed atomic.Int64
	// Age is how old the first picture of a piece was when the piece had come, FirstFrame how long after the first request the first did.
	Age, FirstFrame bench.Latencies
}

// viewer is one connection, kept for all requests, as HTTP/2 has it. A player of HTTP/1.1 uses one for the picture and one for the sound.
type viewer struct {
	counters *Counters
	host     string
	secure   *http.Client // asks over TLS and HTTP/2; else nil
	conn     net.Conn
	ctx      context.Context // of secure
	low      bool
	part     atomic.Int64 // part target, in ns
	target   atomic.Int64 // of a segment
	begin    time.Time
	shown    bool
	last     atomic.Int64 // when a piece of the picture came, Unix time in ns
}

// stream is one of a viewer's media playlists.
type stream struct {
	folder, name string
	msn, part    uint64 // the piece to come
	picture      bool
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}

// watch plays until ctx ends.
func (v *viewer) watch(ctx context.Context, index string) error {
	v.begin = time.Now()
	if v.secure != nil {
		v.ctx = ctx
		defer v.secure.CloseIdleConnections()
	} else {
		conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", v.host)
		if err != nil {
			return err
		}
		defer conn.Close()
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		defer stop()
		v.conn = conn
	}
	body, err := v.get(index, true)
	if err != nil {
		return err
	}
	streams, err := v.open(index, string(body))
	if err != nil {
		return err
	}
	for {
		wake := time.Now().Add(time.Duration(v.target.Load()))
		for _, s := range streams {
			if err := v.follow(s); err != nil {
				return err
			}
		}
		if !v.low {
			if err := bench.Pause(ctx, time.Until(wake)); err != nil {
				return nil
			}
		}
	}
}

// open reads the playlists of the first variant.
func (v *viewer) open(index, text string) (streams []*stream, err error) {
	base := index[:strings.LastIndexByte(index, '/')+1]
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasSuffix(line, ".m3u8") || strings.HasPrefix(line, "#") {
			continue
		}
		folder := base + line[:strings.LastIndexByte(line, '/')+1]
		streams = append(streams, &stream{folder: folder, name: "video", picture: true}, &stream{folder: folder, name: "audio"})
		break
	}
	if streams == nil {
		return nil, errors.New("no variant")
	}
	for _, s := range streams {
		body, err := v.get(s.folder+s.name+".m3u8", true)
		if err != nil {
			return nil, err
		}
		if _, err := v.get(s.folder+s.name+"-init0.mp4", false); err != nil {
			return nil, err
		}
		text := string(body)
		v.part.Store(int64(duration(text, "PART-TARGET=")))
		v.target.Store(int64(duration(text, "TARGETDURATION:")))
		if v.low {
			if s.msn, s.part, err = hint(body); err != nil {
				return nil, err
			}
			continue
		}
		if s.msn, err = lastSegment(body); err != nil {
			return nil, err
		}
	}
	return streams, nil
}

// follow gets the piece that comes next of a stream, or those that have come.
func (v *viewer) follow(s *stream) error {
	if v.low {
		return v.followParts(s)
	}
	body, err := v.get(s.folder+s.name+".m3u8", true)
	if err != nil {
		return err
	}
	last, err := lastSegment(body)
	if err != nil {
		return err
	}
	for ; s.msn <= last; s.msn++ {
		if err := v.piece(s, s.folder+s.name+"-"+strconv.FormatUint(s.msn, 10)+".m4s"); err != nil {
			return err
		}
	}
	return nil
}

func (v *viewer) followParts(s *stream) error {
	body, err := v.get(fmt.Sprintf("%s%s.m3u8?_HLS_msn=%d&_HLS_part=%d&_HLS_skip=YES", s.folder, s.name, s.msn, s.part), true)
	if err != nil {
		return err
	}
	msn, part, err := hint(body)
	if err != nil {
		return err
	}
	for s.msn < msn || s.part < part {
		if err := v.piece(s, fmt.Sprintf("%s%s-%d.%d.m4s", s.folder, s.name, s.msn, s.part)); err != nil {
			return err
		}
		// What was hinted at comes, and a segment that ended did so with it.
		if s.part++; s.msn < msn && !bytes.Contains(body, fmt.Appendf(nil, "%s-%d.%d.m4s", s.name, s.msn, s.part)) {
			s.msn, s.part = s.msn+1, 0
		}
	}
	return nil
}

// piece gets a part or a segment.
func (v *viewer) piece(s *stream, path string) error {
	head, err := v.get(path, false)
	if err != nil {
		return err
	}
	if !s.picture {
		return nil
	}
	now := time.Now()
	if !v.shown {
		v.shown = true
		v.counters.FirstFrame.Add(now.Sub(v.begin))
	}
	if !v.counters.Measuring.Load() {
		return nil
	}
	if age, ok := bench.Age(head, now); ok {
		v.counters.Age.Add(age)
	}
	v.late(now, head)
	return nil
}

// late counts a piece that came after a player would have shown its first picture: players stay four part targets, or three target durations,
// behind (PART-HOLD-BACK, HOLD-BACK).
func (v *viewer) late(now time.Time, head []byte) {
	v.last.Store(now.UnixNano())
	if age, ok := bench.Age(head, now); ok && age > v.holdBack() {
		v.counters.Stalls.Add(1)
	}
}

func (v *viewer) holdBack() time.Duration {
	if v.low {
		return 4 * time.Duration(v.part.Load())
	}
	return 3 * time.Duration(v.target.Load())
}

// stalled tells whether nothing came for longer than a player has something to show.
func (v *viewer) stalled(now time.Time) bool {
	return now.Sub(time.Unix(0, v.last.Load())) > v.holdBack()
}

// get makes a request and gives the answer's body, or only what begins it.
func (v *viewer) get(path string, whole bool) ([]byte, error) {
	if v.secure != nil {
		return v.getSecurely(path, whole)
	}
	v.conn.SetDeadline(time.Now().Add(patience))
	request := "GET " + path + " HTTP/1.1\r\nHost: " + v.host + "\r\nUser-Agent: tutti-bench\r\n\r\n"
	if _, err := io.WriteString(v.conn, request); err != nil {
		return nil, err
	}
	// A connection that waits holds no buffer.
	var one [1]byte
	if _, err := io.ReadFull(v.conn, one[:]); err != nil {
		return nil, err
	}
	in := readers.Get().(*bufio.Reader)
	defer readers.Put(in)
	in.Reset(io.MultiReader(bytes.NewReader(one[:]), v.conn))
	status, size, head, err := readHead(in)
	if err != nil {
		return nil, err
	}
	if status != 200 {
		io.CopyN(io.Discard, in, int64(size))
		return nil, fmt.Errorf("%s answers %d", path, status)
	}
	keep := size
	if !whole {
		keep = min(size, begins)
	}
	body := make([]byte, keep)
	if _, err := io.ReadFull(in, body); err != nil {
		return nil, err
	}
	if _, err := in.Discard(size - keep); err != nil {
		return nil, err
	}
	return v.counted(body, whole, size, head), nil
}

// begins is how much is kept of media.
const begins = 640

// counted counts an answer and gives what is to be looked at of it.
func (v *viewer) counted(body []byte, whole bool, size, head int) []byte {
	if c := v.counters; c.Measuring.Load() {
		c.Requests.Add(1)
		if whole {
			c.Other.Add(uint64(size + head))
		} else {
			c.Media.Add(uint64(size))
			c.Other.Add(uint64(head))
		}
	}
	if !whole && len(body) > 128 { // the stamp lies behind the boxes
		body = body[128:]
	}
	return body
}

// readHead reads the head of an answer.
func readHead(in *bufio.Reader) (status, size, head int, err error) {
	size = -1
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, 0, 0, err
		}
		head += len(line)
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case first:
			if len(line) < 12 {
				return 0, 0, 0, fmt.Errorf("answer begins with %q", line)
			}
			if status, err = strconv.Atoi(string(line[9:12])); err != nil {
				return 0, 0, 0, err
			}
		case len(line) == 0:
			if size < 0 {
				return 0, 0, 0, errors.New("an answer without Content-Length")
			}
			return status, size, head, nil
		default:
			if name, value, _ := bytes.Cut(line, []byte(": ")); bytes.EqualFold(name, []byte("Content-Length")) {
				if size, err = strconv.Atoi(string(value)); err != nil {
					return 0, 0, 0, err
				}
			}
		}
	}
}

var hintBegins = []byte(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="`)

// hint reads the part that a playlist hints at.
func hint(playlist []byte) (msn, part uint64, err error) {
	i := bytes.LastIndex(playlist, hintBegins)
	if i < 0 {
		return 0, 0, errors.New("no preload hint: the stream has ended, or is not of low latency")
	}
	uri, _, _ := bytes.Cut(playlist[i+len(hintBegins):], []byte(`"`))
	_, rest, _ := strings.Cut(string(uri), "-")
	n, rest, _ := strings.Cut(rest, ".")
	m, _, _ := strings.Cut(rest, ".")
	if msn, err = strconv.ParseUint(n, 10, 63); err == nil {
		part, err = strconv.ParseUint(m, 10, 63)
	}
	return msn, part, err
}

// lastSegment reads the number of the newest segment.
func lastSegment(playlist []byte) (uint64, error) {
	for lines := bytes.Split(playlist, []byte("\n")); len(lines) > 0; lines = lines[:len(lines)-1] {
		line := lines[len(lines)-1]
		if len(line) > 0 && line[0] != '#' {
			_, rest, _ := strings.Cut(string(line), "-")
			n, _, _ := strings.Cut(rest, ".")
			return strconv.ParseUint(n, 10, 63)
		}
	}
	return 0, errors.New("no segment")
}

// duration reads a number of seconds behind a mark.
func duration(text, mark string) time.Duration {
	_, rest, _ := strings.Cut(text, mark)
	end := strings.IndexFunc(rest, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end < 0 {
		end = len(rest)
	}
	f, _ := strconv.ParseFloat(rest[:end], 64)
	return time.Duration(f * 1e9)
}
