package rtcload

import (
	"context"
	"math/rand/v2"
	"time"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/bench"
)

// visitor is one visit of a person to a room.
type visitor struct {
	wear           *wear
	room, identity string
	receiver       *receiver
	sender         *sender
	member         *member
	offers         uint32
	hidden         bool // what was published is not any more
}

// visit comes, stays for a while and goes, in one way or another.
func (v *visitor) visit(ctx context.Context) error {
	d := &v.wear.soak.Deeds
	if rand.N(10) < 5 {
		v.sender = newSender(rand.N(10) < 7, true, soakBitrate, Libwebrtc)
	}
	coming, done := context.WithTimeout(ctx, connectPatience)
	m, err := v.wear.rooms.join(coming, context.WithoutCancel(ctx), v.room, v.identity, v.sender, v.receiver, tileWidth, tileHeight)
	done()
	if err != nil {
		return err
	}
	v.member, v.offers = m, 1
	d.Joined.Add(1)
	go v.feedBack(m.life)
	err = v.stay(ctx, between(3*time.Second, 30*time.Second))
	switch way := rand.N(10); {
	case err != nil || ctx.Err() == nil && way < 3:
		d.Vanished.Add(1)
		m.vanish()
	case ctx.Err() == nil && way < 4: // another takes the place while this one is there
		d.Replaced.Add(1)
		again, cancel := context.WithTimeout(ctx, connectPatience)
		other, err := v.wear.rooms.join(again, context.WithoutCancel(ctx), v.room, v.identity, nil, newReceiver(&v.wear.times), 0, 0)
		cancel()
		if err == nil {
			other.Close()
		}
		m.Close()
	default:
		d.Left.Add(1)
		m.Close()
	}
	return err
}

// stay does something every few seconds.
func (v *visitor) stay(ctx context.Context, d time.Duration) error {
	ctx, done := context.WithTimeout(ctx, d)
	defer done()
	for {
		if bench.Pause(ctx, between(500*time.Millisecond, 5*time.Second)) != nil {
			return nil
		}
		select {
		case err := <-v.member.failed:
			return err
		default:
		}
		if err := v.act(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

func (v *visitor) act(ctx context.Context) error {
	d, m := &v.wear.soak.Deeds, v.member
	switch rand.N(5) {
	case 0:
		d.Resumed.Add(1)
		return m.resume(ctx, between(0, 3*time.Second))
	case 1:
		d.Muted.Add(1)
		return m.muteAll(rand.N(2) == 0)
	case 2:
		if v.sender == nil {
			return nil
		}
		d.Unpublished.Add(1)
		return v.turnPublishing()
	}
	d.Changed.Add(1)
	sizes := []uint32{0, 160, 320, 640, 1280}
	width := sizes[rand.N(len(sizes))]
	return m.setTracks(&pb.UpdateTrackSettings{Width: width, Height: width * 9 / 16, Disabled: width == 0, Quality: pb.VideoQuality_HIGH})
}

// turnPublishing unpublishes everything, or publishes it again.
func (v *visitor) turnPublishing() error {
	v.hidden = !v.hidden
	sections := v.sender.sections()
	for i := range sections {
		if v.hidden {
			sections[i].direction = "inactive"
			continue
		}
		kind, source := pb.TrackType_AUDIO, pb.TrackSource_MICROPHONE
		if sections[i].kind == "video" {
			kind, source = pb.TrackType_VIDEO, pb.TrackSource_CAMERA
		}
		add := &pb.AddTrackRequest{Cid: sections[i].track, Name: sections[i].track, Type: kind, Source: source}
		if err := v.member.send(&pb.SignalRequest{Message: &pb.SignalRequest_AddTrack{AddTrack: add}}); err != nil {
			return err
		}
	}
	v.offers++
	return v.member.send(&pb.SignalRequest{Message: &pb.SignalRequest_Offer{Offer: &pb.SessionDescription{
		Type: "offer", Sdp: offer(v.wear.rooms.who, sections), Id: v.offers,
	}}})
}

// feedBack sends what a receiver owes until the visit ends.
func (v *visitor) feedBack(life context.Context) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-life.Done():
			return
		case now := <-ticker.C:
			v.receiver.tell(now)
		}
	}
}
