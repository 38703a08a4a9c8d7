package livekit

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/poller"
)

// eachWay runs a test with connections that a poller reads, and with such that a goroutine waits on.
func eachWay(t *testing.T, test func(t *testing.T, p *poller.Poller)) {
	t.Run("waiting", func(t *testing.T) { test(t, nil) })
	p, err := poller.New()
	if err != nil {
		t.Skip(err)
	}
	defer p.Close()
	t.Run("polled", func(t *testing.T) { test(t, p) })
}

// connPair gives a connection of the server, what its reader ended with, and the client's side.
func connPair(t *testing.T, p *poller.Poller, handle func(*conn, *pb.SignalRequest) bool) (*conn, <-chan error, *websocket.Conn) {
	t.Helper()
	conns, ended := make(chan *conn, 1), make(chan error, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := accept(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		c := newConn(ws, testLog())
		conns <- c
		c.listen(p, newPace(), func(req *pb.SignalRequest) bool { return handle(c, req) }, func(err error) {
			ended <- err
			c.close(websocket.StatusNormalClosure, "")
		})
		<-c.done
	}))
	t.Cleanup(s.Close)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	client, _, err := websocket.Dial(ctx, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	client.SetReadLimit(-1)
	t.Cleanup(func() { client.CloseNow() })
	return <-conns, ended, client
}

// A client that stalls in the middle of a message that was refused is not waited for.
func TestConnEndsThoughAMessageDoesNot(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		ws, err := accept(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		c := newConn(ws, testLog())
		c.listen(nil, newPace(), func(*pb.SignalRequest) bool { return true }, func(err error) {
			if !errors.Is(err, errTooLarge) {
				t.Errorf("reading ended with %v", err)
			}
			c.close(websocket.StatusMessageTooBig, "")
		})
		<-c.done
	}))
	defer s.Close()
	client, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	request := "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n\r\n"
	begun := append([]byte(request), 0x82, 0x80|127, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0) // a masked binary message of 16 MiB
	if _, err := client.Write(append(begun, make([]byte, maxFrameBytes+1)...)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("the connection does not end")
	}
}

// What comes in one piece with the request is heard, also where the poller is told of nothing more.
func TestConnHearsWhatCameWithTheRequest(t *testing.T) {
	eachWay(t, func(t *testing.T, p *poller.Poller) {
		heard := make(chan *pb.SignalRequest, 1)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ws, err := accept(w, r)
			if err != nil {
				t.Error(err)
				return
			}
			c := newConn(ws, testLog())
			c.listen(p, newPace(), func(req *pb.SignalRequest) bool { heard <- req; return true }, func(error) {
				c.close(websocket.StatusNormalClosure, "")
			})
		}))
		defer s.Close()
		client, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		data, _ := proto.Marshal(ping())
		all := "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" + string([]byte{0x82, 0x80 | byte(len(data)), 0, 0, 0, 0}) + string(data)
		if _, err := client.Write([]byte(all)); err != nil {
			t.Fatal(err)
		}
		select {
		case req := <-heard:
			if req.GetPingReq() == nil {
				t.Errorf("heard %v", req)
			}
		case <-time.After(patience):
			t.Error("nothing is heard")
		}
	})
}

func TestConnAnswersInTheClientsEncoding(t *testing.T) {
	eachWay(t, func(t *testing.T, p *poller.Poller) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_, _, client := connPair(t, p, func(c *conn, req *pb.SignalRequest) bool {
			c.send(&pb.SignalResponse{Message: &pb.SignalResponse_PongResp{PongResp: &pb.Pong{LastPingTimestamp: req.GetPingReq().Timestamp}}})
			return true
		})
		for _, kind := range []websocket.MessageType{websocket.MessageBinary, websocket.MessageText, websocket.MessageBinary} {
			data, _ := proto.Marshal(ping())
			if kind == websocket.MessageText {
				data, _ = protojson.Marshal(ping())
			}
			if err := client.Write(ctx, kind, data); err != nil {
				t.Fatal(err)
			}
			got, data, err := client.Read(ctx)
			if err != nil || got != kind {
				t.Fatalf("answer in %v, want %v (%v)", got, kind, err)
			}
			res := &pb.SignalResponse{}
			if kind == websocket.MessageText {
				err = protojson.Unmarshal(data, res)
			} else {
				err = proto.Unmarshal(data, res)
			}
			if err != nil || res.GetPongResp().GetLastPingTimestamp() != 7 {
				t.Errorf("got %v (%v)", res, err)
			}
		}
	})
}

func TestConnEndsOnNonsense(t *testing.T) {
	eachWay(t, func(t *testing.T, p *poller.Poller) {
		for name, tt := range map[string]struct {
			data []byte
			want error
		}{
			"malformed": {[]byte{0xff, 0xff, 0xff}, errMalformed},
			"oversized": {make([]byte, maxFrameBytes+1), errTooLarge},
		} {
			t.Run(name, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				_, ended, client := connPair(t, p, func(*conn, *pb.SignalRequest) bool { return true })
				if err := client.Write(ctx, websocket.MessageBinary, tt.data); err != nil {
					t.Fatal(err)
				}
				if err := <-ended; !errors.Is(err, tt.want) {
					t.Errorf("ended with %v, want %v", err, tt.want)
				}
			})
		}
	})
}

func TestConnSendsWhatIsQueuedBeforeItCloses(t *testing.T) {
	eachWay(t, func(t *testing.T, p *poller.Poller) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		c, _, client := connPair(t, p, func(*conn, *pb.SignalRequest) bool { return true })
		c.send(leave(pb.DisconnectReason_ROOM_DELETED, pb.LeaveRequest_DISCONNECT))
		c.close(websocket.StatusNormalClosure, "")
		c.send(leave(pb.DisconnectReason_UNKNOWN_REASON, pb.LeaveRequest_DISCONNECT))
		_, data, err := client.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		res := &pb.SignalResponse{}
		if err := proto.Unmarshal(data, res); err != nil || res.GetLeave().GetReason() != pb.DisconnectReason_ROOM_DELETED {
			t.Errorf("got %v (%v)", res, err)
		}
		if _, _, err := client.Read(ctx); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
			t.Errorf("then %v", err)
		}
	})
}

func TestConnCutsOffWhoDoesNotRead(t *testing.T) {
	eachWay(t, func(t *testing.T, p *poller.Poller) {
		c, ended, client := connPair(t, p, func(*conn, *pb.SignalRequest) bool { return true })
		big := &pb.SignalResponse{Message: &pb.SignalResponse_RefreshToken{RefreshToken: strings.Repeat("x", 256<<10)}}
		for range 200 { // far more than the sockets' buffers and the outbox hold
			c.send(big)
		}
		c.mu.Lock()
		waiting, ending := c.bytes, c.ending
		c.mu.Unlock()
		if !ending || waiting > maxOutboxBytes {
			t.Errorf("%d bytes wait, ending: %v", waiting, ending)
		}
		// The client learns of it at once, so that it sends no requests that nobody reads.
		begun := time.Now()
		<-ended
		<-c.done
		if took := time.Since(begun); took > writeTimeout/2 {
			t.Errorf("it takes %v", took)
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		data, _ := proto.Marshal(ping())
		for client.Write(ctx, websocket.MessageBinary, data) == nil {
		}
		if ctx.Err() != nil {
			t.Error("it can still send requests")
		}
	})
}

func TestConnCloseNow(t *testing.T) {
	eachWay(t, func(t *testing.T, p *poller.Poller) {
		c, ended, client := connPair(t, p, func(*conn, *pb.SignalRequest) bool { return true })
		client.CloseNow()
		<-ended
		<-c.done
	})
}
