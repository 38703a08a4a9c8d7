package rtc

import (
	"slices"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/sdp"
)

// section is one m= section as both sides have agreed on, or as an offer has it. A section is never changed once a
// negotiation has taken it over: the next one copies it.
type section struct {
	mid string
	// name is the m= line's media; kind is zero for data channels.
	name     string
	protocol string
	kind     media.Kind
	rejected bool
	// before is how many sections have been in its place before.
	before int

	in  *Inbound
	out *Outbound
	// deaf tells that the remote has offered it and does not want to receive in it, as where it has ended what it sent there.
	deaf bool
	// receives tells that we want to receive here whenever the remote sends.
	receives bool
	// sends tells that we send here as agreed. A section that stops to send must be agreed on as such before another
	// outbound may use it, or the remote would not see that the track is another one.
	sends bool
	// sent tells, in an offer, that something was sent in it as agreed or as an offer had it that may have been applied.
	sent bool

	formats    []sdp.Format
	extensions []sdp.Extension
	rids       []string
	sources    []sdp.Source

	// choice is the format that the outbound uses.
	choice   media.Codec
	pt, rtx  uint8
	red      uint8 // 0 where the outbound goes without redundancy
	received []receiveFormat
}

func (s *section) data() bool { return s.name == "application" }

// direction is what we say of the section.
func (s *section) direction() sdp.Direction {
	d := sdp.Inactive
	if s.out != nil && s.sends {
		d |= sdp.SendOnly
	}
	if s.receives {
		d |= sdp.RecvOnly
	}
	return d
}

// ids are the negotiated extension IDs by extension.
func (s *section) ids() (ids [extensionCount]uint8) {
	for _, x := range s.extensions {
		ids[extensionByURI(x.URI)] = x.ID
	}
	ids[noExtension] = 0
	return ids
}

func (s *section) sendFormat() *sendFormat {
	ids := s.ids()
	if s.out.peer.cfg.Congestion == nil {
		// Taken for what the remote sends. Stamped packets would make it send feedback that nobody reads.
		ids[extSequence] = 0
	}
	if !s.out.peer.negotiation.mixed {
		ids[extDependency] = 0 // which needs two-byte headers
	}
	f := newSendFormat(s.choice, s.pt, s.rtx, s.out.ssrc, s.out.rtx, s.mid, &ids)
	f.pt, f.red = s.pt, s.red
	return f
}

// chooseOut sets the outbound's format from what the remote takes; it is false when it takes none.
func (s *section) chooseOut(o *Outbound, formats []sdp.Format) bool {
	for _, codec := range o.cfg.codecs() {
		f := chooseFormat(formats, codec, o.cfg.Format)
		if f == nil {
			continue
		}
		s.out, s.sends, s.choice, s.pt, s.rtx, s.red = o, true, codec, f.PayloadType, 0, 0
		if r := repairOf(formats, f.PayloadType); r != nil {
			s.rtx = r.PayloadType
		}
		if r := redundancyOf(formats, f.PayloadType); r != nil && o.cfg.RED {
			s.red = r.PayloadType
		}
		return true
	}
	return false
}

// receiveFormats turns agreed payload types into what the reader looks up.
func receiveFormats(formats []sdp.Format) []receiveFormat {
	var out []receiveFormat
	for i := range formats {
		f := &formats[i]
		codec := codecOf(f)
		if codec == media.NoCodec {
			continue
		}
		out = append(out, receiveFormat{pt: f.PayloadType, codec: codec, nack: f.HasFeedback("nack"), bounded: bounded(f)})
		if r := repairOf(formats, f.PayloadType); r != nil {
			out = append(out, receiveFormat{pt: r.PayloadType, codec: codec, repair: true, repairs: f.PayloadType})
		}
		if r := redundancyOf(formats, f.PayloadType); r != nil {
			out = append(out, receiveFormat{pt: r.PayloadType, codec: codec, red: true, blocks: f.PayloadType, nack: r.HasFeedback("nack")})
		}
	}
	return out
}

// bounded tells that a remote wants to be told how much it may send (REMB), since it cannot find out by itself from reports of
// arrivals.
func bounded(f *sdp.Format) bool { return f.HasFeedback("goog-remb") && !f.HasFeedback("transport-cc") }

func codecsOf(formats []sdp.Format) []media.Codec {
	var out []media.Codec
	for i := range formats {
		if c := codecOf(&formats[i]); c != media.NoCodec && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

func kindOf(name string) media.Kind {
	switch name {
	case "audio":
		return media.Audio
	case "video":
		return media.Video
	}
	return 0
}
