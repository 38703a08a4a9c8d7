package livekit

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/proto"
)

// crowd is many clients that speak the signalling and no media, and counts what they are told.
type crowd struct {
	w    *world
	t    testing.TB
	room string

	messages, bytes, updates, infos, graded atomic.Int64

	begun time.Time

	mu    sync.Mutex
	knows map[string]map[string]bool // by identity: who is there, as the client was told
	socks []*websocket.Conn
	done  sync.WaitGroup
}

func newCrowd(t testing.TB, w *world, room string) *crowd {
	c := &crowd{w: w, t: t, room: room, knows: map[string]map[string]bool{}}
	w.server.patience = time.Hour // they answer no offer
	c.begun = time.Now()
	t.Cleanup(c.leave)
	return c
}

func (c *crowd) join(identity string) {
	c.t.Helper()
	url := c.w.http.URL + "/rtc?protocol=17&access_token=" + token(c.t, identity, c.room, nil)
	// From many addresses: one may join only so often.
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+len(c.socks)/100), 1)}}
	client := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	ws, _, err := websocket.Dial(context.Background(), url, &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		c.t.Fatal(err)
	}
	ws.SetReadLimit(-1)
	c.socks = append(c.socks, ws)
	joined := make(chan struct{})
	c.done.Go(func() { c.read(ws, identity, joined) })
	select {
	case <-joined:
	case <-time.After(patience):
		c.t.Fatalf("%s got no join response", identity)
	}
}

func (c *crowd) read(ws *websocket.Conn, identity string, joined chan struct{}) {
	sid := ""
	for {
		_, data, err := ws.Read(context.Background())
		if err != nil {
			return
		}
		res := &pb.SignalResponse{}
		if err := proto.Unmarshal(data, res); err != nil {
			c.t.Error(err)
			return
		}
		c.messages.Add(1)
		c.bytes.Add(int64(len(data)))
		c.mu.Lock()
		knows := c.knows[identity]
		if join := res.GetJoin(); join != nil {
			sid = join.Participant.Sid
			knows = map[string]bool{identity: true}
			c.knows[identity] = knows
			for _, p := range join.OtherParticipants {
				knows[p.Identity] = true
			}
			close(joined)
		}
		for _, p := range res.GetUpdate().GetParticipants() {
			knows[p.Identity] = p.State != pb.ParticipantInfo_DISCONNECTED
			c.infos.Add(1)
		}
		for _, q := range res.GetConnectionQuality().GetUpdates() {
			if q.ParticipantSid == sid {
				c.graded.Add(1)
			}
		}
		c.mu.Unlock()
		if res.GetUpdate() != nil {
			c.updates.Add(1)
		}
	}
}

// crowdLife is after how long the first of a crowd may be given up: they have no media, so no check of connectivity ever comes.
const crowdLife = 25 * time.Second

// settled waits until everybody knows of n.
func (c *crowd) settled(n int) {
	c.t.Helper()
	deadline := time.Now().Add(patience) // n clients in one process, perhaps under the race detector
	for {
		if c.all(n) {
			return
		}
		if time.Since(c.begun) > crowdLife {
			c.t.Skip("this machine takes so long that the first leave before the last have come")
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("not everybody knows of %d: %s", n, c.knowing())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// knowing says how many know of how many.
func (c *crowd) knowing() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := map[int]int{}
	for _, knows := range c.knows {
		there := 0
		for _, is := range knows {
			if is {
				there++
			}
		}
		counts[there]++
	}
	return fmt.Sprint(counts)
}

func (c *crowd) all(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, knows := range c.knows {
		there := 0
		for _, is := range knows {
			if is {
				there++
			}
		}
		if there != n {
			return false
		}
	}
	return true
}

func (c *crowd) leave() {
	for _, ws := range c.socks {
		ws.CloseNow()
	}
	c.done.Wait()
}

func TestAnnouncementsInLargeRoomsAreGathered(t *testing.T) {
	t.Parallel()
	for _, size := range []int{90, 300} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			if size > 90 && raceDetector {
				t.Skip("it takes too long beside the race detector")
			}
			announce(t, size)
		})
	}
}

func announce(t *testing.T, size int) {
	w := newWorld(t, nil)
	c := newCrowd(t, w, "hall")
	begun := time.Now()
	for i := range size {
		c.join(fmt.Sprint("person ", i))
	}
	c.settled(size)
	// One by one it would be a message to each of those who were there, for each who comes: 4005 for ninety, 45,150 for three hundred. The first fifty are told so; then each
	// gets one every listenerDelay, however slowly the others come.
	rounds := int64(time.Since(begun)/listenerDelay) + 2
	if got, most := c.updates.Load(), largeRoom*(largeRoom+1)/2+int64(size)*rounds; got > most {
		t.Errorf("%d messages tell who is there, in %d rounds", got, rounds)
	}
	for deadline := time.Now().Add(patience); c.graded.Load() < int64(size); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d are told of their connection", c.graded.Load(), size)
		}
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkJoin measures the last of many joins of a room: what the server and its clients, in one process, spend on it and
// are told.
func BenchmarkJoin(b *testing.B) {
	for _, size := range []int{10, 300} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			w := newWorld(b, nil)
			c := newCrowd(b, w, "hall")
			for i := range size {
				c.join(fmt.Sprintf("person %d", i))
			}
			c.settled(size)
			c.messages.Store(0)
			c.bytes.Store(0)
			before, n := cpu(), 0
			for b.Loop() {
				c.join(fmt.Sprintf("late %d", n))
				n++
			}
			c.settled(size + n)
			b.ReportMetric(float64((cpu()-before).Microseconds())/float64(n)/1000, "cpu-ms/join")
			b.ReportMetric(float64(c.messages.Load())/float64(n), "messages/join")
			b.ReportMetric(float64(c.bytes.Load())/float64(n)/1000, "kB/join")
		})
	}
}
