package pull

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/tuttilive/tutti/internal/dial"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/mux/rtmp"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// ackEvery is after how many bytes the server is told that they have come, whatever window it wants.
const ackEvery = 1 << 20

// roots are trusted by RTMPS; nil for the system's. Tests have their own.
var roots *x509.CertPool

// player is a connection on which we play.
type player struct {
	net    net.Conn
	reader *rtmp.Reader
	acked  uint32
}

// fetchRTMP plays a stream of an RTMP server.
func fetchRTMP(ctx context.Context, d Dialer, s Source, to receiver) error {
	_, u, err := s.protocol()
	if err != nil {
		return err
	}
	port := map[string]string{"rtmp": "1935", "rtmps": "443"}[u.Scheme]
	conn, err := d.DialContext(ctx, "tcp", hostPort(u, port))
	if err != nil {
		return dial.Failed("connecting", err)
	}
	defer func() { conn.Close() }()
	if u.Scheme == "rtmps" {
		secure := tls.Client(conn, &tls.Config{ServerName: u.Hostname(), RootCAs: roots})
		if err := secure.HandshakeContext(ctx); err != nil {
			return dial.Failed("connecting over TLS", err)
		}
		conn = secure
	}
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	app, stream := streamOf(u)
	if u.RawQuery != "" {
		stream += "?" + u.RawQuery
	}
	if err := rtmp.Connect(conn); err != nil {
		return err
	}
	p := &player{net: conn, reader: rtmp.NewReader(conn, rtmp.DefaultLimits)}
	if err := p.play(app, stream, fmt.Sprintf("%s://%s/%s", u.Scheme, u.Host, app)); err != nil {
		return err
	}
	played := playedMedia{to: to}
	for {
		m, err := p.read()
		if err != nil {
			return err
		}
		if err := played.take(m); err != nil {
			return err
		}
	}
}

// playedMedia makes frames of what is played.
type playedMedia struct {
	to        receiver
	demuxer   flv.Demuxer
	malformed [media.Video + 1]int // in a row, of each kind
	useless   int                  // in a row, of both
}

// take takes a message. Those that cannot be read are left out; where nothing else comes the source ends.
func (p *playedMedia) take(m rtmp.Message) (err error) {
	var f *media.Frame
	kind := media.Video
	switch m.Type {
	case rtmp.TypeVideo:
		f, err = p.demuxer.Video(m.Timestamp, m.Body, media.Now())
	case rtmp.TypeAudio:
		kind = media.Audio
		f, err = p.demuxer.Audio(m.Timestamp, m.Body, media.Now())
	case rtmp.TypeDataAMF0:
		if degrees := flv.ParseMetadata(m.Body).Rotation; degrees != 0 {
			p.to.Rotated(degrees)
		}
	case rtmp.TypeCommandAMF0:
		err = ended(m)
	}
	switch {
	case errors.Is(err, flv.ErrMalformed), errors.Is(err, bitstream.ErrMalformed):
		if p.malformed[kind]++; p.malformed[kind] == ingest.ToldMalformed {
			p.to.Broken(kind, err)
		}
		if p.useless++; p.useless == ingest.MostMalformed {
			return fmt.Errorf("%w: %w", ingest.ErrBroken, err)
		}
		return nil
	case err != nil || f == nil:
		return err
	}
	p.malformed[kind], p.useless = 0, 0
	return p.to.Write(f)
}

// play talks with the server until it begins to send.
func (p *player) play(app, stream, tcURL string) error {
	err := p.call(0, "connect", 1, amf0.Object{
		{Key: "app", Value: app}, {Key: "flashVer", Value: "LNX 9,0,124,2 (compatible; Tutti)"}, {Key: "tcUrl", Value: tcURL},
		{Key: "fpad", Value: false}, {Key: "capabilities", Value: float64(15)}, {Key: "audioCodecs", Value: float64(4071)}, {Key: "videoCodecs", Value: float64(252)},
		{Key: "fourCcList", Value: amf0.StrictArray{"hvc1", "av01", "vp09", "Opus"}},
	})
	if err != nil {
		return err
	}
	if _, err := p.result(1); err != nil {
		return err
	}
	if err := p.write(rtmp.WindowAckSize(2 * ackEvery)); err != nil {
		return err
	}
	if err := p.call(0, "createStream", 2, nil); err != nil {
		return err
	}
	made, err := p.result(2)
	if err != nil {
		return err
	}
	id, ok := made.Stream()
	if !ok {
		return errors.New("the server gives no stream")
	}
	return p.call(id, "play", 3, nil, stream, float64(-2000))
}

// read gives the next message, and does for the connection what it asks for.
func (p *player) read() (rtmp.Message, error) {
	m, err := p.reader.Read()
	if err != nil {
		return m, fmt.Errorf("the connection ends: %w", err)
	}
	if token, ok := rtmp.PingRequest(m); ok {
		return m, p.write(rtmp.PingResponse(token))
	}
	if received := p.reader.Received(); received-p.acked >= ackEvery {
		p.acked = received
		return m, p.write(rtmp.Acknowledge(received))
	}
	return m, nil
}

// result waits for the answer to a command.
func (p *player) result(transaction float64) (rtmp.Command, error) {
	for {
		m, err := p.read()
		if err != nil {
			return rtmp.Command{}, err
		}
		c, ok := commandOf(m)
		switch {
		case !ok:
		case c.Name == "_result" && c.Transaction == transaction:
			return c, nil
		case c.Name == "_error" && c.Transaction == transaction, c.Name == "onStatus" && c.Property("level") == "error":
			return rtmp.Command{}, refusal(c)
		}
	}
}

// ended tells of a command by which the server ends the stream.
func ended(m rtmp.Message) error {
	c, ok := commandOf(m)
	if !ok || c.Name != "onStatus" {
		return nil
	}
	switch code := c.Property("code"); {
	case c.Property("level") == "error":
		return refusal(c)
	case code == "NetStream.Play.Stop", code == "NetStream.Play.UnpublishNotify", code == "NetStream.Play.Complete":
		return errEnded
	}
	return nil
}

func refusal(c rtmp.Command) error {
	return dial.Denial{Code: c.Property("code"), Words: c.Property("description")}
}

// commandOf is what a message says, if it says anything that can be read.
func commandOf(m rtmp.Message) (rtmp.Command, bool) {
	if m.Type != rtmp.TypeCommandAMF0 {
		return rtmp.Command{}, false
	}
	c, err := rtmp.ReadCommand(m)
	return c, err == nil
}

func (p *player) call(stream uint32, name string, transaction float64, arguments ...any) error {
	m, err := rtmp.Command{Name: name, Transaction: transaction, Arguments: arguments}.Message(stream)
	if err != nil {
		return err
	}
	return p.write(m)
}

func (p *player) write(m rtmp.Message) error {
	if _, err := p.net.Write(rtmp.AppendMessage(nil, m, rtmp.InitialChunkSize)); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	return nil
}
