package rtmp

import (
	"fmt"

	"github.com/tuttilive/tutti/internal/mux/rtmp"
	"github.com/tuttilive/tutti/internal/poller"
	"github.com/tuttilive/tutti/internal/studio/fanout"
)

// play hands the connection to the room's stream: from then on this session only listens. What all players get is the same, down to
// the message stream.
func (s *session) play(stream uint32, name string) error {
	if s.publisher != nil || s.plays {
		return fmt.Errorf("%w: play on a connection that is in use", rtmp.ErrProtocol)
	}
	s.stream, s.wantsPlay = stream, true
	if stream != fanout.RTMPStream {
		return errStream
	}
	a, err := parseAddress(s.app, name)
	if err != nil {
		return err
	}
	ctx, cancel := s.conn.context()
	defer cancel()
	if _, err := s.server.stage.AdmitPlayer(ctx, a.room, "rtmp", a.credential.From(s.host)); err != nil {
		return err
	}
	watcher, program, err := s.server.stage.watch(a.room, fanout.ParseCodecs(a.codecs).Or(s.codecs))
	if err != nil {
		return err
	}
	reset, err := command(stream, "onStatus", 0, nil, status("status", playReset, "Playing."))
	if err == nil {
		err = s.server.watches(s)
	}
	if err == nil {
		var start rtmp.Message
		if start, err = command(stream, "onStatus", 0, nil, status("status", playStart, "Playing.")); err == nil {
			s.handOver(program, watcher, rtmp.SetChunkSize(fanout.ChunkSize), rtmp.StreamBegin(stream), reset, start)
			s.log.Debug("player plays", "room", a.room)
			return nil
		}
	}
	watcher.Close()
	return err
}

// handOver has the stream written to the connection, after some messages of ours, the last ones.
func (s *session) handOver(program *fanout.Stream, watcher fanout.Watcher, first ...rtmp.Message) {
	s.conn.mute()
	var head []byte
	for _, m := range first {
		head = rtmp.AppendMessage(head, m, s.conn.chunk)
	}
	if s.server.poller != nil {
		s.listening.raw = poller.Descriptor(s.conn.net)
	}
	s.server.running.Go(func() { program.Serve(s.conn.kicked, s.conn.net, head, audience{watcher, s}); s.conn.waitForever() })
}
