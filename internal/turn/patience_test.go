package turn

import (
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/stun/v4"
)

// pipe is a connection in memory that looks like TCP.
type pipe struct{ net.Conn }

func (pipe) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5000} }

// once is a listener with one connection.
type once chan net.Conn

func (o once) Accept() (net.Conn, error) {
	if c, ok := <-o; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (o once) Close() error   { return nil }
func (o once) Addr() net.Addr { return &net.TCPAddr{} }

func TestPatienceWithTCPClients(t *testing.T) {
	username, password := issue(testSecret, "ada", time.Unix(4_000_000_000, 0))
	for _, c := range []struct {
		name  string
		sends []byte // every 10 s, ten times
		ends  time.Duration
	}{
		{"who says nothing", nil, introduction},
		{"who only asks for the address", message(t, stun.BindingRequest), introduction},
		{"who sends byte for byte", []byte{0}, introduction},
		{"who shows credentials and falls silent", signed(t, stun.MethodRefresh, username, password), 100*time.Second + idleStream},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				listener := make(once, 1)
				listener <- pipe{here}
				g := testGate(time.Now())
				conn, err := newStreams(g, Limits{}.withDefaults(), g.count).listener(listener, nil).Accept()
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				var sending sync.WaitGroup
				sending.Go(func() {
					for range 10 {
						if c.sends == nil {
							return
						}
						time.Sleep(10 * time.Second)
						if _, err := there.Write(c.sends); err != nil {
							return
						}
					}
				})
				for err == nil {
					_, err = conn.Read(make([]byte, 1600))
				}
				conn.Close()
				if took := time.Since(began); took != c.ends {
					t.Errorf("given up after %v, want %v", took, c.ends)
				}
				there.Close()
				sending.Wait()
			})
		})
	}
}

func TestWhoTakesNothingInIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		g := testGate(time.Now())
		c := newStreams(g, Limits{}.withDefaults(), g.count).wrap(here, loopback4)
		began := time.Now()
		if _, err := c.Write([]byte("data")); err == nil || time.Since(began) != stuckStream {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if _, err := c.Read(make([]byte, 1600)); err == nil {
			t.Error("goes on reading")
		}
	})
}
