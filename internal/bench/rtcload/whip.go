package rtcload

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pion/sdp/v3"

	"github.com/tuttilive/tutti/internal/bench"
)

// whip is a server spoken to by WHIP (RFC 9725) and WHEP, its sister for playing.
type whip struct {
	address string
	who     identity
}

// publish sends a sender's tracks to a room, until ctx ends.
func (w whip) publish(ctx, life context.Context, room string, s *sender) error {
	to, _, err := w.post(ctx, "/whip/"+room, s.sections())
	if err != nil {
		return err
	}
	t, err := connect(ctx, to, w.who, false, s.packet)
	if err != nil {
		return err
	}
	go s.run(life, t)
	return w.waitLive(ctx, room)
}

// play receives a room's program.
func (w whip) play(ctx context.Context, room string, r *receiver) (io.Closer, error) {
	to, agreed, err := w.post(ctx, "/whep/"+room, []section{{kind: "audio", direction: "recvonly"}, {kind: "video", direction: "recvonly"}})
	if err != nil {
		return nil, err
	}
	r.agreed.Store(agreed)
	t, err := connect(ctx, to, w.who, false, r.packet)
	if err != nil {
		return nil, err
	}
	return closer(t.close), nil
}

// closer is something to close, as a function.
type closer func()

func (c closer) Close() error {
	c()
	return nil
}

func (w whip) post(ctx context.Context, path string, sections []section) (server, *agreement, error) {
	url := "http://" + w.address + path
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(offer(w.who, sections)))
	if err != nil {
		return server{}, nil, err
	}
	req.Header.Set("Content-Type", "application/sdp")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return server{}, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return server{}, nil, err
	}
	if resp.StatusCode != http.StatusCreated {
		return server{}, nil, fmt.Errorf("%s answers %s: %s", url, resp.Status, body)
	}
	var d sdp.SessionDescription
	if err := d.Unmarshal(body); err != nil {
		return server{}, nil, err
	}
	to, err := readServer(&d)
	if err == nil && to.addr == nil {
		err = fmt.Errorf("the answer has no candidate:\n%s", body)
	}
	return to, agreed(&d), err
}

// waitLive waits until the room is on the air.
func (w whip) waitLive(ctx context.Context, room string) error {
	for {
		resp, err := http.Get("http://" + w.address + "/api/rooms/" + room + "/live")
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
		if err := bench.Pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}
